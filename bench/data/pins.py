"""What the shared copies of the classical data sets look like, pinned compactly: pixels, not file bytes.

One digest per data set (and scale) over all names and pixels decides; four hex digits per picture, in the order of
the names, tell which picture it is that differs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from bench.data.images import U8
from bench.errors import BadInput

DIGITS = 4


@dataclass(frozen=True)
class Pin:
    """`names`: sha256 of the sorted names, first 16 digits. `pixels`: sha256 of all names and pixel digests.
    `prints`: the first DIGITS of each picture's digest, concatenated."""

    names: str
    pixels: str
    prints: str


def pixel_sha256(image: U8) -> str:
    """The hex digest of a picture's shape and pixels, whatever file format held them."""
    shape = "x".join(str(side) for side in image.shape)
    return hashlib.sha256(f"{shape}:".encode() + image.tobytes()).hexdigest()


def pair_sha256(hr: U8, lr: U8 | None) -> str:
    """One digest for a picture and, where it ships with one, its LR."""
    if lr is None:
        return pixel_sha256(hr)
    return hashlib.sha256((pixel_sha256(hr) + pixel_sha256(lr)).encode()).hexdigest()


def pin(digests: Mapping[str, str]) -> Pin:
    """The pin of a data set, from the digest of each picture by name."""
    names = sorted(digests)
    return Pin(
        hashlib.sha256("\n".join(names).encode()).hexdigest()[:16],
        hashlib.sha256("\n".join(f"{name} {digests[name]}" for name in names).encode()).hexdigest(),
        "".join(digests[name][:DIGITS] for name in names),
    )


def check(title: str, expected: Pin, digests: Mapping[str, str], remedy: str) -> bool:
    """Whether this is the pinned copy: True where names and pixels agree, False where the pictures have other names.

    Raises BadInput, naming the first picture that differs, where the names agree and the pixels do not.
    """
    found = pin(digests)
    if found.names != expected.names:
        return False
    if found.pixels == expected.pixels:
        return True
    for position, name in enumerate(sorted(digests)):
        print_ = expected.prints[position * DIGITS : (position + 1) * DIGITS]
        if digests[name][:DIGITS] != print_:
            raise BadInput(
                f"{title}: {name} has pixels of sha256 {digests[name][:DIGITS]}…, expected {print_}…; {remedy}"
            )
    raise BadInput(f"{title}: pixels of sha256 {found.pixels[:12]}…, expected {expected.pixels[:12]}…; {remedy}")


PINS: dict[tuple[str, int], Pin] = {  # (data set, scale; 0 where the folder holds no LR)
    ("Set5", 2): Pin(
        "09005fa43cff9e76",
        "a0f2ad3e8d91089c082ecf9ac27dafc230c5add06b6063e83b3073c9be6b32f1",
        "3e7f1c5cd9f18cd4f26f",
    ),
    ("Set5", 3): Pin(
        "09005fa43cff9e76",
        "59a5d319fabcee559bc465865ecaf0e09de14b7bfecf0bb3ad90f2f39e7c859e",
        "268a15c66635b25eb5f7",
    ),
    ("Set5", 4): Pin(
        "09005fa43cff9e76",
        "8a872a7c46ab615e82ccfcf7872fbbddec28fcba269af92269e79d77454caac0",
        "dc3ce5864a160715b133",
    ),
    ("Set14", 2): Pin(
        "b6ef3ee22c5703c0",
        "4cc78a797c4fc5c8992ce076ee4c2e8aa405098060f941f5c93c68b804474ccd",
        "506e9e0b4955da6892372a67f9fa6adf7e69f0bd4a2bab38f8867746",
    ),
    ("Set14", 3): Pin(
        "b6ef3ee22c5703c0",
        "3a1c829ea77f81c770d61dd3174fe47726ec7564408da68bdf0d8a5e13d2e16c",
        "3f665d9d7c7d4871edc911cc3734953884334905c1b413cf07f07095",
    ),
    ("Set14", 4): Pin(
        "b6ef3ee22c5703c0",
        "b153d9e9f25279215b3dd703ebaeaab9b4c0b618085511ebca595b201b7033f8",
        "b280a8ea43b9df57f45983ceb829f6a3774cdb4820da70d758add261",
    ),
    ("BSD100", 2): Pin(
        "5fdd113f86ca2ddc",
        "1634e65ddc89b3fba2009a0f244a4e8481b11b9fa821212eff93077446ac821a",
        "ed16e180d67e5a42fa31bbfa00184ec4b023e2ae8e24d87b1ffc81a55c396fa04bf4b24e42a090b828c0ea852512e062f30f2091"
        "9795413c2829578d5c64f0538365fca6aa25542efd3ff96ab8cddc17245f93bdb9a9f14c0590a731175f05a3bf40394112b2cb9c"
        "338c996e0cd70d95091a3767154458d543d26b2f6b0a8881e127f19d6d791334971162894d023b01aca9f6e47fdc59972ceec47d"
        "3981d7611b62d8ec9c5487e8cb597f7c45d4328e9e55339aca7dda9c28f2f93c01703e08c93e77c8af6a6e76",
    ),
    ("BSD100", 4): Pin(
        "5fdd113f86ca2ddc",
        "9bedb4d52318fd9dbdab28e1960cd5eac9b9e255fec07317b75745f452723b6e",
        "251168fd548fb79f69bd20018d1ae883c25a0a3d23b087716d6eff19448e12e24079d8dc1ba8a1b511cad447900d0a2249fc9fb0"
        "0b0107c452a32296380939ed76ba73ac80a71f2e7c40b6a602de8b45dd087cf7dc7f79d3d628e656f5d516917141b94b8fc9a0c0"
        "7e4a6dfd08306f4d30593093b894bbf8a15e58353c37f7ba45297d39988f693eac42dcfa40f531921760b089a1b5b2519de484b4"
        "6118f101ae37da48bf442b8de4034ff613d79c52e2cbbfc0302120d5e7ee3dd00fc927073815b12678384d09",
    ),
    ("BSD400", 0): Pin(
        "87ecce69f38a3224",
        "587c98b0ebfda5156273837e13faa59bf4e51b51a02cbe7e947e5cd3b5474dd4",
        "d90d975fe481b378c5851ec85b2908d7ee68860b6c7563a57b9a9d7a5abfe254cb7a715ed4392babe9722d21d8fd59e31f3dbc8f"
        "3ca595a4df349233fc5ecfdfcca474a31b47767ede6a0c4498b7aff54a020b535d6e8df53750cd14c82d3a41234735bec29be674"
        "fa36c0b491876753bef1281b582a07115b06812bdda6e5d2789f92c32387757c04dd6632c11d71ced5ca3a97dc27631f1b1684fe"
        "a610d76bfa524c16cd9f30193a7c8ea67f8dcd822834139e33966bb15ec0cb308992b5872f109365dcbf15eaae852ae63df7b6e7"
        "4467846612d4622ef13ad62a5b41ab9dedfa7cc2779c7c9ce38f94e5d97fccb640a2aff8343167f535ddb88cf5bf1630bbcae508"
        "20a587d8be556cc105ff537a6b10b24cc39c87cacb2665b0e46b57669e187b09a190707bee5b1d97604e92f12cd76247d26e4e63"
        "0258311f012d86470bc8c9c522adf394d7ca45b9ba9eac13d5f5913152835ae5cdad71d9439896948231846f764ba2f82e0c1d7f"
        "dc8e706701502b334d16e39017adcc69e92cc04e24b1d72428e81c379e9ce91b2f3a7a168bff850f4737dc4b8e80694dcf0a53f5"
        "97d865606575735f6300f6251ef8458ce1e898b276a00641301264ba2b60182ef154f462188d969acd86fc579c7f723f0818dd50"
        "753f560966efe6f417c172de0073a39b25d19e655867b145451a10c8dc542655b7784876aec4562b8f869df7f092bd5e84870d71"
        "fd61ea8fd64f9e9c204f8c4ec54b3b3f8a314ff660209c48e33c5d51f63a1c38337931bee6786f57b4ac41566cb1c22136c7ec20"
        "7d37beee56fde304a48f74428a21d03b8e816b2e58aec2b2f7df8674509a88a2f15ca884c2efe44eb18d376b46b32c0c5af5beb5"
        "00e1c831164708fbe71928a8b6f447a1affb547ffcdd70384e4682da4f65934982f03c3785d107d3fd586d66cf52cdb16aae1735"
        "83d8f66f859adf5a83ac34d35f12cd50133808cfe2befb09d3d6ec6e188201b2472093d207f7ca6065132d36a6ab33a36dff8f83"
        "dd77d58be1fe0092fabdc53a0551de55432ab21333ae4471837477474de13e0e569e70441becc8ec12d76081efaa6fab753fff6c"
        "19f428fdaa52c9095819fee5ecad9b162f27cf33",
    ),
    ("T91", 0): Pin(
        "c76db108722eb6f5",
        "9ff39e29d44f5850095ef178d3aa61ec48a28d47a9d46badffcb457595214b69",
        "b8268cdc63200d5bd07150d34604c322e13f462204b82de8936e6c75043e71f568dede757c2c8d3603890115ad8b9039ab6d59b6"
        "2e1eee15a1b850acab850e3d9e6edc0c63521b89305d0e7be7c45f5b5be865bcb673c81a1b92c3a2229e848da9e2cd06fbff65f5"
        "a2a7f1fdd4c2e3e3cfd9f8389269049950acc78d71c2d62896c6c90e7c00f354f67cfadcf94c8bf08baa797208e9382a6ee7d6c1"
        "1c1f98cb332fa2c79c61b5b81d378c2f9ff2c970d0a54548b836",
    ),
}
