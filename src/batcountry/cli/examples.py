"""Examples of each command, for its help and the docs: the line, and what it does."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "": (
        ("bat-country dream photo.jpg", "dream on a picture"),
        ("bat-country dream --help", "what else can be said about it"),
        ("bat-country layers", "what there is to dream with"),
    ),
    "dream": (
        ("bat-country dream photo.jpg", "dream on a picture, with the default network"),
        (
            "bat-country dream photo.jpg --layer blocks.5 --iterations 20 -o wild.png",
            "smaller things, more of them",
        ),
        ("bat-country dream photo.jpg --guide flowers.jpg", "with the features of another picture"),
        (
            """bat-country dream photo.jpg --objective 'channel("blocks.10", 17) - 0.01*tv()'""",
            "one channel, kept smooth",
        ),
        (
            """bat-country dream --preset class --objective 'logit("lion")' -o lion.png""",
            "a class, from noise",
        ),
    ),
    "bench": (
        ("bat-country bench", "what this machine does, as a table to paste"),
        ("bat-country bench --device cpu --quick", "its processor, in half the time"),
    ),
    "studio": (
        ("bat-country studio --open", "dream in the browser"),
        (
            "bat-country studio --host 0.0.0.0 --quota 50GB",
            "for others in the house, who need the token that it says",
        ),
    ),
    "watch": (
        ("bat-country watch inputs outputs", "dream whatever is dropped into a folder, until Ctrl-C"),
        (
            "bat-country watch inputs outputs --settings settings.json --once",
            "what is there now, with settings that may change meanwhile",
        ),
    ),
    "bulk": (
        (
            "bat-country bulk photos --layer blocks.5 --layer blocks.10 -o dreams",
            "every picture with both layers",
        ),
    ),
    "resume": (
        ("bat-country resume wall-work", "go on with a dream that was stopped"),
        ("bat-country resume zoom.mp4.journal", "go on with a film"),
    ),
    "info": (
        ("bat-country info dream-photo.png", "what it was made of, and the command that makes it again"),
        ("bat-country info dream-photo.png --json", "all of it, for programs"),
    ),
    "again": (
        ("bat-country again dream-photo.png", "make it again, beside the first"),
        ("bat-country again dream-photo.png --input photos/photo.jpg", "if the picture has moved"),
    ),
    "visualize": (
        (
            "bat-country visualize --channel 17 --layer blocks.10 --start noise -o channel.png",
            "what a channel sees, from noise",
        ),
        ("bat-country visualize photo.jpg --class lion", "lions into a picture"),
    ),
    "zoom": (
        ("bat-country zoom photo.jpg zoom.mp4 --seconds 20", "zoom into a picture for 20 seconds"),
        ("bat-country zoom sky loop.gif --frames 60 --loop", "a loop, from a sky"),
        (
            """bat-country zoom photo.jpg zoom.mp4 --key 'layer=0:blocks.3, 5s:blocks.10'""",
            "another layer after 5 seconds",
        ),
    ),
    "video": (
        ("bat-country video clip.mp4 dream.mp4 --max-size 640", "dream on a video, made smaller"),
        ("bat-country video clip.mp4 dream.mp4 --from 1:00 --to 1:10", "on ten seconds of it"),
    ),
    "frames make": (("bat-country frames make clip.mp4 frames", "take a video apart"),),
    "frames join": (
        ("bat-country frames join frames film.mp4 --sound clip.mp4", "put it together again, with its sound"),
    ),
    "layers": (
        ("bat-country layers", "of the default network"),
        ("bat-country layers timm:resnet50", "of another"),
    ),
    "models list": (("bat-country models list 'vgg*'", "those whose names begin with vgg"),),
    "models show": (("bat-country models show bvlc_googlenet", "license, files, addresses"),),
    "models get": (("bat-country models get bvlc_googlenet", "download it, checked"),),
    "check": (
        ("bat-country check caffe/models/bvlc_googlenet", "what a Caffe net is, and whether all of it works"),
    ),
    "convert": (
        ("bat-country convert caffe/models/bvlc_googlenet googlenet", "a folder that opens at once"),
    ),
    "atlas": (
        (
            "bat-country atlas --layers blocks.10 -o atlas",
            "a picture of each channel, and a page to look at them",
        ),
    ),
    "look": (
        ("bat-country look photo.jpg --layer blocks.10", "which channels the picture excites, and where"),
    ),
}
"""By command, as it is written after `bat-country`."""
