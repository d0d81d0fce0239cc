"""The table of all commands: what users type, and the function that runs it. Importing it never imports Paddle.

To add a command, write its options and its run function in a folder of their own, and add a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ppgan_ext.apps.codes.commands import run_encode, run_fit, run_generate, run_mix
from ppgan_ext.apps.codes.options import EncodeOptions, FitOptions, GenerateOptions, MixOptions
from ppgan_ext.apps.doctor import DoctorOptions, run_doctor
from ppgan_ext.apps.faces_data.commands import run_prepare
from ppgan_ext.apps.faces_data.options import PrepareOptions
from ppgan_ext.apps.fusion.commands import run_fuse
from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.apps.options import Options
from ppgan_ext.apps.page.commands import run_page
from ppgan_ext.apps.page.options import PageOptions
from ppgan_ext.apps.photo.commands import list_directions, run_age, run_edit
from ppgan_ext.apps.photo.options import AgeOptions, EditOptions
from ppgan_ext.apps.translation.commands import run_cartoon, run_translate
from ppgan_ext.apps.translation.options import CartoonOptions, TranslateOptions


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        options: the model of its flags.
        summary: one sentence for its help page and the overview.
        examples: flags to learn from, one line each.
        run: runs it with validated options and returns the exit code.
        more: returns what else its help page says, below the examples.
    """

    options: type[Options]
    summary: str
    examples: tuple[str, ...]
    run: Callable[[Any], int]
    more: Callable[[], str] = str


COMMANDS: dict[str, Command] = {
    "age": Command(
        AgeOptions,
        "Make the people in a photo older or younger.",
        (
            "--input_image photo.jpg --years -20 20 40",
            "--input_image photos/ --target_age 70 --save_gif --output_path out",
            "--input_image group.jpg --list_faces",
            "--input_image group.jpg --faces 1 3 --years 30",
            "--input_image photo.jpg --blend replace --tune 60 --save_tuned",
        ),
        run_age,
    ),
    "encode": Command(
        EncodeOptions,
        "Find the latent code of the face in a photo with an encoder (PaddleGAN's pixel2style2pixel).",
        ("--input_image photo.jpg", "--input_image photo.jpg --model_type ffhq-toonify"),
        run_encode,
    ),
    "fit": Command(
        FitOptions,
        "Find the latent code of a face by optimisation: slower than encode, closer to the photo.",
        (
            "--input_image photo.jpg --need_align --step 200",
            "--input_image face.png --latent_level 0 1 2 3 4 5 6 7 8 9 10 11",
            "--input_image photo.jpg --need_align --start encoder --save_mp4",
        ),
        run_fit,
    ),
    "mix": Command(
        MixOptions,
        "Mix two faces, given as latent codes or photos.",
        (
            "--latent1 a.npy --latent2 b.npy",
            "--latent1 a.jpg --latent2 b.jpg --levels coarse=1 middle=0.5 fine=0",
            "--latent1 a.jpg --latent2 b.jpg --tune 60",
        ),
        run_mix,
    ),
    "edit": Command(
        EditOptions,
        "Change smile, pose and more, of a latent code or of the faces in a photo.",
        (
            "--latent dst.npy --direction_name smile --direction_offset 1",
            "--latent dst.npy --edit smile=1 yaw=-15 --layers 0-7",
            "--input_image photo.jpg --edit smile=1 yaw=-15",
            "--input_image photo.jpg --edit smile=1 --blend replace --tune 60",
        ),
        run_edit,
        list_directions,
    ),
    "generate": Command(
        GenerateOptions,
        "Draw faces of people who do not exist, and mixtures of them.",
        ("--seed 1 --n_row 3 --n_col 5", "--seed 1 --truncation 0.5 --save_latents"),
        run_generate,
    ),
    "fuse": Command(
        FuseOptions,
        "Put the face of --person into --photo, at the photo's pose, light and tone of skin.",
        (
            "--photo photo_a.jpg --person person_b.jpg --output_path out",
            "--photo photo_a.jpg --person person_b.jpg --method warp --identity 0.6 --shape 0.3",
            "--photo group.jpg --photo_face 1 --person person_b.jpg --refine 40 --save_steps --save_mp4",
            "--photo photos/ --person people/ --pairs all --method warp",
        ),
        run_fuse,
    ),
    "translate": Command(
        TranslateOptions,
        "Translate pictures with a pix2pix, CycleGAN or U-GAT-IT checkpoint, in their own size.",
        (
            "--weight_path netG_A2B.pdparams --input_image photos/ --direction a2b",
            "--weight_path latest_net_G_B.pth --input_image large.jpg --tile 512 --overlap 0.3",
            "--weight_path selfie2anime.pt --input_image group.jpg --crop ffhq --faces all",
        ),
        run_translate,
    ),
    "cartoon": Command(
        CartoonOptions,
        "Draw the face of a photo as a cartoon, by rules or by PaddleGAN's photo2cartoon.",
        (
            "--input_image photo.jpg",
            "--input_image group.jpg --faces all --face_size 1024 --paste",
            "--input_image photo.jpg --weight_path photo2cartoon_genA2B_weight.pdparams",
        ),
        run_cartoon,
    ),
    "prepare": Command(
        PrepareOptions,
        "Cut the faces out of a folder of photos, aligned, as a training set.",
        (
            "--input photos/ --output faces/ --size 256 --crop ffhq",
            "--input photos.zip --output faces/ --which largest --min_size 128 --jobs 8",
        ),
        run_prepare,
    ),
    "page": Command(
        PageOptions,
        "Open a page in the browser, in Chinese and English: ageing, fusion, edits and more.",
        (
            "",
            "--port 8000 --title 'Face lab'",
            "--host 0.0.0.0 --auth user:password --root_path /faces",
        ),
        run_page,
    ),
    "doctor": Command(
        DoctorOptions,
        "Show what was found on this machine: versions, devices, settings, weights.",
        ("",),
        run_doctor,
    ),
}
