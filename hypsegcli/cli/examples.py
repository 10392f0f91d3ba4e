"""Three examples a command, which its help shows last."""

from __future__ import annotations

EXAMPLES = {
    "hypseg": (
        "hypseg predict photos -o out",
        "hypseg evaluate photos masks -o report",
        "hypseg train --data DIR -o RUN",
    ),
    "predict": (
        "hypseg predict photos -o out",
        "hypseg predict 'photos/*.jpg' -o out -c nuclei --save labels,confidence",
        "hypseg predict @list.txt -o out --level auto --threshold 0.8 --resume",
    ),
    "uncertainty": (
        "hypseg uncertainty photos -o doubt",
        "hypseg uncertainty photos -o doubt -c RUN/best.safetensors",
        "hypseg uncertainty clip.mp4 -o doubt --every 25",
    ),
    "review": (
        "hypseg review doubt",
        "hypseg review doubt --port 8000",
        "hypseg review doubt && hypseg verify doubt",
    ),
    "evaluate": (
        "hypseg evaluate photos masks -o report",
        "hypseg evaluate photos masks -c model.safetensors --fail-under miou=0.6",
        "hypseg evaluate --predictions out masks -o report --overwrite",
    ),
    "compare": (
        "hypseg compare report-a report-b",
        "hypseg compare report-a report-b --all --at-least 0.002",
        "hypseg compare A1,A2,A3 B1,B2,B3 --json",
    ),
    "calibrate": (
        "hypseg calibrate photos masks --name 'my streets' -o model.safetensors",
        "hypseg calibrate photos masks --name val -c nuclei -o nuclei.safetensors",
        "hypseg calibrate @images.txt @masks.txt --name half -o model.safetensors",
    ),
    "quantise": (
        "hypseg quantise photos masks -o quick.safetensors",
        "hypseg quantise photos masks -c RUN/best.safetensors -o quick.safetensors",
        "hypseg quantise @images.txt @masks.txt -o quick.safetensors --longest-side off",
    ),
    "convert": (
        "hypseg convert best.pth -o theirs.safetensors --classes classes.txt",
        "hypseg convert best.pth -o theirs.safetensors --preset cityscapes",
        "hypseg convert best.pth -o ours.safetensors --preset cityscapes --licence MIT",
    ),
    "export": (
        "hypseg export streets --to onnx -o streets.onnx",
        "hypseg export RUN/best.safetensors --to openvino -o model.xml",
        "hypseg export nuclei --to pt2 -o nuclei.pt2 --sizes 256x256",
    ),
    "disk": (
        "hypseg disk photo.jpg -o disk.png",
        "hypseg disk photo.jpg -o disk.svg --no-photograph",
        "hypseg disk photos --masks masks -o disk.png -c RUN/best.safetensors",
    ),
    "info": (
        "hypseg info",
        "hypseg info streets",
        "hypseg info RUN/best.safetensors --json",
    ),
    "card": (
        "hypseg card RUN/best.safetensors -o README.md",
        "hypseg card streets",
        "hypseg card RUN/best.safetensors -o README.md --name 'my streets'",
    ),
    "annotate": (
        "hypseg annotate out --to cvat -o corrections.zip",
        "hypseg annotate doubt @doubt/review.csv --to cvat -o set.zip --with-images",
        "hypseg annotate out @list.txt --to label-studio -o tasks.json",
    ),
    "verify": (
        "hypseg verify out",
        "hypseg verify out --json",
        "hypseg predict photos -o out --resume && hypseg verify out",
    ),
    "merge": (
        "hypseg merge out",
        "hypseg merge out && hypseg verify out",
        "hypseg merge report",
    ),
    "cluster": (
        "hypseg cluster photos --clusters 8 -o first",
        "hypseg cluster 'photos/*.jpg' --clusters 24 -o first --longest-side 192",
        "hypseg cluster photos --clusters 8 -o first --init streets --resume",
    ),
    "train": (
        "hypseg train --data DIR -o RUN",
        "hypseg train --data DIR -o RUN --init streets --crop 256 256",
        "hypseg train -o RUN --resume --epochs 200",
    ),
}
