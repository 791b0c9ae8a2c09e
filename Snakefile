# The rules in data-flow order: prepare -> train (or estimate kernels) -> upscale -> score -> report -> publish, and last,
# for nothing waits for it, a mirror of it all in MLflow.
# Every stage is one `python -m bench` line that reads and writes files under the work folder. No rule declares a file
# under results/: a fresh clone computes, it never finds the answer. The last rule compares with what is published there,
# and with --config publish=true replaces it.
import atexit
import shlex
import sys
from pathlib import Path

from bench.errors import BadInput
from bench.workflow import Workflow, check_settings

try:
    REUSE, PUBLISH = check_settings(config)
    PLAN = Workflow(config.get("suite", "demo"), config.get("shard"), config.get("methods"), REUSE)
    if workflow.is_main_process:
        PLAN.forget_pending_mirror()
        print(PLAN.gpu_needs(), end="", file=sys.stderr)
except BadInput as error:
    sys.exit(f"snakemake: {error}")

SUITE = PLAN.suite.name
WORK = PLAN.layout.root
RESULTS = PLAN.layout.results
BENCH = f"{shlex.quote(sys.executable)} -m bench"
SHARD = (f"--shard {shlex.quote(PLAN.shard)}" if PLAN.shard else "") + (" --reuse" if REUSE else "")
PART = SHARD + (f" --methods {PLAN.compared}" if PLAN.compared else "")
# Never replaced: its folder is named after all that is behind it.
COMPARISON = f"{WORK}/compare/{PLAN.comparison if PLAN.compared else 'none'}/REPORT.md"
VERDICT = f"{WORK}/verdict.txt"
SCORES = expand(f"{WORK}/scored/{{method}}.done", method=PLAN.methods)


wildcard_constraints:
    sets=r"[\w+-]+",
    scales=r"[\dx+]+",


localrules:
    all,
    compare,


rule all:
    input:
        SCORES,
        VERDICT,
        f"{WORK}/mirror.json",


rule compare:
    input:
        COMPARISON,


rule prepare_test:
    output:
        f"{WORK}/data/{{set}}.x{{scale}}.{{degradation}}/manifest.json",
    params:
        digest=PLAN.data_digest(),
    log:
        f"{WORK}/logs/prepare/{{set}}.x{{scale}}.{{degradation}}.log",
    shell:
        "{BENCH} prepare {wildcards.set:q} --role test --scale {wildcards.scale:q} --degradation {wildcards.degradation:q}"
        " --out \"$(dirname {output:q})\" > {log:q} 2>&1"


rule prepare_train:
    output:
        f"{WORK}/train/{{sets}}.x{{scales}}.{{degradation}}/manifest.json",
    params:
        digest=PLAN.data_digest(),
    log:
        f"{WORK}/logs/prepare/{{sets}}.x{{scales}}.{{degradation}}.train.log",
    shell:
        "{BENCH} prepare {wildcards.sets:q} --role train --scale {wildcards.scales:q} --degradation {wildcards.degradation:q}"
        " --out \"$(dirname {output:q})\" > {log:q} 2>&1"


rule train:
    input:
        lambda wildcards: PLAN.train_inputs(wildcards.run),
    output:
        f"{WORK}/runs/{{run}}/checkpoint.safetensors",
        f"{WORK}/runs/{{run}}/train.json",
    params:
        digest=lambda wildcards: PLAN.train_digest(wildcards.run),
    resources:
        gpu_mib=lambda wildcards: PLAN.gpu_mib(wildcards.run),
    log:
        f"{WORK}/logs/train/{{run}}.log",
    shell:
        "{BENCH} train {wildcards.run:q} --suite {SUITE:q} --settle > {log:q} 2>&1"


rule kernels:
    input:
        lambda wildcards: PLAN.test_manifests(wildcards.run),
    output:
        directory(f"{WORK}/kernels/{{method}}/{{run}}"),
    params:
        digest=lambda wildcards: PLAN.kernel_digest(wildcards.run),
    log:
        f"{WORK}/logs/kernels/{{method}}/{{run}}.log",
    shell:
        "{BENCH} kernels-suite {wildcards.run:q} --suite {SUITE:q} > {log:q} 2>&1"


rule upscale:
    input:
        lambda wildcards: PLAN.test_manifests(wildcards.method),
        lambda wildcards: PLAN.upscale_inputs(wildcards.method),
    output:
        directory(f"{WORK}/sr/{{method}}"),
    params:
        digest=lambda wildcards: PLAN.upscale_digest(wildcards.method),
    threads: lambda wildcards: PLAN.processes(wildcards.method)
    log:
        f"{WORK}/logs/upscale/{{method}}.log",
    shell:
        "{BENCH} upscale-suite --suite {SUITE:q} {PART} --method {wildcards.method:q} --processes {threads} > {log:q} 2>&1"


rule score:
    input:
        lambda wildcards: PLAN.test_manifests(wildcards.method),
        lambda wildcards: PLAN.score_inputs(wildcards.method),
    output:
        touch(f"{WORK}/scored/{{method}}.done"),  # the report puts taken over scores beside those made here
    params:
        digest=lambda wildcards: PLAN.score_digest(wildcards.method),
    threads: lambda wildcards: PLAN.processes(wildcards.method)
    log:
        f"{WORK}/logs/score/{{method}}.log",
    shell:
        "{BENCH} score-suite --suite {SUITE:q} {PART} --method {wildcards.method:q} --processes {threads} > {log:q} 2>&1"


rule report:
    input:
        SCORES,
    output:
        report(f"{RESULTS}/REPORT.md", category="Report"),
        report(f"{WORK}/page/index.html", category="Report"),
        report(directory(f"{WORK}/page/tables"), patterns=["{name}.csv"], category="Tables", labels={"table": "{name}"}),
        report(directory(f"{RESULTS}/figures"), patterns=["{name}.png"], category="Figures", labels={"figure": "{name}"}),
    params:
        digest=PLAN.report_digest(),
    log:
        f"{WORK}/logs/report.log",
    shell:
        "{BENCH} report --suite {SUITE:q} {SHARD} > {log:q} 2>&1"


rule report_compared:
    input:
        SCORES,
    output:
        COMPARISON,
    log:
        f"{WORK}/logs/compare.log",
    shell:
        "{BENCH} report --suite {SUITE:q} --methods {PLAN.compared:q} --out \"$(dirname {output:q})\" > {log:q} 2>&1"


rule mirror:
    input:
        f"{RESULTS}/REPORT.md",
    output:
        f"{WORK}/mirror.json",
    log:
        f"{WORK}/logs/mirror.log",
    shell:
        "{BENCH} mirror --suite {SUITE:q} {SHARD} > {log:q} 2>&1"


rule publish:
    input:
        f"{RESULTS}/REPORT.md",
    output:
        VERDICT,
    params:
        write="--write" if PUBLISH else "",
        published=PLAN.published_digest(),
    priority: 1  # before the mirror
    shell:
        "{BENCH} publish --suite {SUITE:q} {SHARD} {params.write} > {output:q} && sync {output:q}"


onsuccess:
    if Path(COMPARISON).is_file():
        atexit.register(print, f"compared: {Path(COMPARISON).parent / 'page' / 'index.html'}")
    if Path(VERDICT).is_file() and not PLAN.compared:
        atexit.register(print, Path(VERDICT).read_text(), end="")  # after Snakemake's own last words
