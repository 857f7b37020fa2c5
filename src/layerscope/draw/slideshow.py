"""Pictures under a slider, as one piece of HTML that needs nothing from outside and works in any notebook.

There is no <script> and no id: handlers stand in the elements and look only inside their own <figure>, so that
several slideshows on a page cannot collide, and pages that insert HTML without running scripts still play it. Where
no handler may run, the first picture and its caption are shown.
"""

import html
import io
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from string import Template

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

QUALITY = 70  # of lossy WebP

SHOW = """
const own = this.closest('figure'), now = +this.value;
own.querySelectorAll('img').forEach((img, i) => {
  img.style.display = i === now ? 'block' : 'none';
});
const said = own.querySelectorAll('img')[now].alt;
own.querySelector('figcaption').textContent = said;
this.setAttribute('aria-valuetext', said);
"""
PLAY = """
const range = this.closest('figure').querySelector('input'), calm = matchMedia('(prefers-reduced-motion: reduce)');
const go = to => { range.value = to; range.dispatchEvent(new Event('input')); };
const stop = () => { clearInterval(this.timer); this.timer = 0; this.textContent = '▶ Play'; };
if (this.timer) { stop(); return; }
if (range.value === range.max) go(0);
this.textContent = '⏸ Pause';
this.timer = setInterval(() => {
  if (this.isConnected) go(+range.value + 1);
  if (!this.isConnected || range.value === range.max) stop();
}, calm.matches ? 1500 : $pause);
"""
PAGE = Template("""<figure data-lm-suppress-shortcuts="true" style="margin:0;max-width:${width}px">
$images
<div style="display:flex;gap:.8em;align-items:center;margin-top:.4em">
<button type="button" style="min-width:6em;padding:.3em .6em;cursor:pointer" onclick="$play">▶ Play</button>
<input type="range" min="0" max="$last" value="0" step="1" style="flex:1;min-width:0" aria-label="$label"
 aria-valuetext="$first" oninput="$show" onkeydown="event.stopPropagation()">
</div>
<figcaption style="margin-top:.3em;min-height:2.6em">$first</figcaption>
</figure>""")


@dataclass(frozen=True)
class Slideshow:
    """A notebook shows it as pictures with a slider and a button that plays them."""

    frames: tuple[bytes, ...] = field(repr=False)  # WebP, all of one size
    captions: tuple[str, ...]  # what each shows, in words; read out by screen readers
    label: str  # what the slider moves through, such as "training step"
    size: tuple[int, int]  # width and height in pixels
    pause: int  # milliseconds from one picture to the next

    def _repr_html_(self) -> str:
        # Nothing moves before it is asked to; the arrow keys move the slider, the space bar presses the button.
        width, height = self.size
        images = "\n".join(
            f'<img src="data:image/webp;base64,{b64encode(frame).decode()}" alt="{html.escape(caption)}" '
            f'width="{width}" height="{height}" '
            f'style="display:{"none" if i else "block"};max-width:100%;height:auto;background:#fff">'
            for i, (frame, caption) in enumerate(zip(self.frames, self.captions, strict=True))
        )
        return PAGE.substitute(
            images=images,
            width=width,
            last=len(self.frames) - 1,
            label=html.escape(self.label),
            first=html.escape(self.captions[0]),
            show=_attribute(SHOW),
            play=_attribute(Template(PLAY).substitute(pause=self.pause)),
        )


def slideshow(frames: Iterable[Figure | bytes], captions: Sequence[str], label: str, pause: int = 180) -> Slideshow:
    """Figures, or bytes of PNG or WebP files, put under one slider. Figures are closed: give a generator, and only one
    is in memory at a time.

    Args:
        captions: one for each frame.
        label: what the slider moves through.
        pause: milliseconds from one frame to the next when it plays.

    Raises:
        ValueError: if there is no frame, a caption is missing, or the sizes differ.
    """
    shown: list[bytes] = []
    found: set[tuple[int, int]] = set()
    for frame in frames:
        image = _image(frame)
        found.add(image.size)
        shown.append(_webp(image))
    sizes = sorted(found)
    if not shown or len(shown) != len(captions):
        raise ValueError(
            f"needed one or more frames and a caption for each. Got {len(shown)} and {len(captions)} captions."
        )
    if len(sizes) != 1:
        raise ValueError(f"every frame must have the same size in pixels. Got {sizes}; give figures one figsize.")
    return Slideshow(tuple(shown), tuple(captions), label, sizes[0], pause)


def _image(frame: Figure | bytes) -> Image.Image:
    """On white, so that it reads on a dark page as well."""
    if isinstance(frame, bytes):
        image = Image.open(io.BytesIO(frame)).convert("RGBA")
    else:
        file = io.BytesIO()
        frame.savefig(file, format="png", facecolor="white")
        plt.close(frame)
        image = Image.open(file).convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _webp(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, format="WEBP", quality=QUALITY)
    return file.getvalue()


def _attribute(code: str) -> str:
    return html.escape(" ".join(code.split()))
