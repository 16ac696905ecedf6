"""Sentences of the server that people commonly meet, so that pages can say them in the reader's language.

The server says them in English, whoever asks. What stands in braces there is some text or number; a page finds the sentence
by what is around it. Those that are not here are shown as they are.
"""

SENTENCES = (
    # what is sent
    "this file is not a picture in a format that is read, which are {formats}; or it is damaged",
    "this file has {size} pixels, and this studio takes {most}; shrink it first",
    "this file has frames of {size}, and this studio takes {most} pixels; shrink it first",
    "this file has more than {most} frames, and this studio takes no more; cut it first",
    "this file is empty; send a picture or a film",
    "this has more than {most} bytes, and no more are taken; send something smaller",
    "this takes more memory than there is; send something smaller",
    "the {what} has to be a picture, and {name} is a film",
    "a film is dreamed on a film; name one as picture",
    "{name} is a picture; a film is dreamed on a film, and a picture by kind zoom",
    # room
    "the disk is nearly full; make room on it, and send this again",
    "the studio's quota of {quota} MB is used up, and {more} MB more are needed; delete some pictures",
    "{most} jobs wait already, which is the most; wait until some are done, or cancel some",
    "this is more than the studio takes in a minute; try again in {seconds} s",
    "the disk with the studio's database is full; make room, and go on",
    "the studio's database was locked by others for more than {seconds} s; try again",
    # jobs
    "memory ran out; make the picture smaller, or try again when other programs have ended",
    "a picture of {size} pixels is too small for {model} to run as far as {layer}; "
    "use a larger picture (enlarge makes it so), or an earlier layer",
    "a fault of the program itself, {error}; the log has more of it",
    "the job ended the program that worked on it {times}; it was set aside, and its log says how far it came",
    "the result would have {pixels} pixels, and at most {most} are allowed here; choose a smaller one",
    "the job is {state}, so that it cannot be {end} any more",
    "the job is {state}, so that it cannot go on; try it again, or make a new one",
    "the job is {state}; only one that failed or was stopped can be tried again",
    "the job is {state}, and has no place in the line any more",
    # what is not there
    "there is no {what} {name}",
    "the network {model} is not here yet; whoever runs the studio gets it with: {command}",
    "the network {model} is not here yet; get it with: {command}",
    "there is no folder {folder} to watch; make it, or name another",
    # entering
    "too many wrong tokens; wait a minute",
    "a fault of the studio itself; its log says where",
)
"""In English, as `str.format` has them."""
