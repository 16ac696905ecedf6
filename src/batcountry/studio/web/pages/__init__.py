"""The pages people see: templates in the reader's language, and the static files they load.

Pages know nothing of the store: what they show comes from `/api/v1`, by JavaScript.
"""

from __future__ import annotations

from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from batcountry.studio.web.pages.words import LANGUAGES, language_of, page_words, translated

HERE = Path(__file__).parent
STATIC = HERE / "static"

PAGES = {
    "/": ("dream", "Dream"),
    "/gallery": ("gallery", "Gallery"),
    "/motion": ("motion", "Motion"),
    "/see": ("see", "See"),
    "/jobs": ("jobs", "Jobs"),
    "/huge": ("huge", "Print size"),
    "/settings": ("settings", "Settings"),
}
"""Path of each page, with its template's name and its title."""

NAVIGATION = ("/", "/gallery", "/motion", "/see", "/jobs")
"""The pages of the navigation, in its order; the others are a link away."""

DREAMING = ("/", "/motion", "/see")
"""Pages whose reader is about to dream, so that a worker is made ready."""

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".webp": "image/webp",
    ".png": "image/png",
}
_YEAR = 365 * 24 * 3600
_FOREVER = f"public, max-age={_YEAR}, immutable"


@lru_cache(maxsize=1)
def static_version() -> str:
    """Return a short text that changes whenever a static file or a word does, so that browsers may keep them."""
    digest = sha256()
    for folder in (STATIC, HERE / "locales"):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                digest.update(path.relative_to(HERE).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )


def reader_language(request: Request) -> str:
    """Return the language to answer a request in: `?lang=`, the cookie `lang`, or `Accept-Language`."""
    return language_of(
        request.query_params.get("lang"),
        request.cookies.get("lang"),
        request.headers.get("accept-language", ""),
    )


def render(request: Request, name: str, title: str, status: int = 200, **values: object) -> HTMLResponse:
    """Return a page made from the template `name` in the reader's language.

    Parameters
    ----------
    title
        English; it is translated.
    values
        What the template needs beside what all have: `_`, `lang`, `languages`, `static`, `navigation`, `path`.
    """
    language = reader_language(request)
    theme = request.cookies.get("theme")
    text = _environment().get_template(f"{name}.html")
    page = text.render(
        _=partial(translated, language),
        lang=language,
        languages=LANGUAGES,
        theme=theme if theme in ("light", "dark") else "",
        static=f"/static/{static_version()}",
        words=f"/words/{language}.{static_version()}.json",
        navigation=[(path, PAGES[path][1]) for path in NAVIGATION],
        path=request.url.path,
        name=name,
        title=title,
        **values,
    )
    response = HTMLResponse(page, status, {"Cache-Control": "no-cache", "Vary": "Accept-Language, Cookie"})
    if request.query_params.get("lang") == language:
        secure = request.url.scheme == "https"
        response.set_cookie("lang", language, max_age=_YEAR, samesite="strict", secure=secure)
    return response


router = APIRouter(include_in_schema=False)
"""The routes of the pages, of their words and of their static files."""


def _show(request: Request) -> HTMLResponse:
    name, title = PAGES[request.url.path]
    workers = getattr(request.app.state, "workers", None)
    if workers is not None and request.url.path in DREAMING:
        workers.warm()  # the first preview is to be there within a second
    last_event = getattr(request.app.state, "last_event", None)
    return render(request, name, title, last_event="" if last_event is None else last_event())


for _path in PAGES:
    router.add_api_route(_path, _show, methods=["GET"], response_class=HTMLResponse)


@router.get("/enter", response_class=HTMLResponse)
def enter(request: Request) -> HTMLResponse:
    """Show the page that asks for the token."""
    return render(request, "enter", "Enter", sentence="", next=request.query_params.get("next", "/"))


@router.get("/words/{file}")
def words(file: str) -> JSONResponse:
    """Send a language's catalogue, `LANGUAGE.VERSION.json`, to JavaScript."""
    language = file.split(".")[0]
    if language not in LANGUAGES:
        raise HTTPException(404, "There are no words in that language.")
    return JSONResponse(page_words(language), headers={"Cache-Control": _FOREVER})


@lru_cache(maxsize=1)
def _static_files() -> dict[str, Path]:
    return {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.suffix in _TYPES}


@router.get("/static/{version}/{name:path}")
def static(version: str, name: str) -> FileResponse:
    """Send a static file: one of a closed table of names, so that no path leads anywhere else."""
    path = _static_files().get(name)
    if path is None:
        raise HTTPException(404, "There is no such file.")
    kept = _FOREVER if version == static_version() else "no-cache"
    return FileResponse(path, media_type=_TYPES[path.suffix], headers={"Cache-Control": kept})
