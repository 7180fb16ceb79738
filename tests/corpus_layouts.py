"""Writes tiny corpora in the layouts that the readers know."""

from __future__ import annotations

import contextlib
import sqlite3
import warnings
from fractions import Fraction

import numpy as np
import pytest
import soundfile

from corpus_media import click, numbered, write_movie

NAME = "Doe^Jane"
PATIENT = "HOSPITAL-4711"


def frames(count=10, height=48, width=72):
    return np.stack([numbered(number, height, width) for number in range(count)])


def movie_with_sound(path, *, count=10, rate=Fraction(25), seconds=None, pictures=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = frames(count) if pictures is None else pictures
    sound = click(float(len(pictures) / Fraction(rate)) if seconds is None else seconds, 0.1)
    return write_movie(path, pictures, rate, sound=sound)


def wav(path, seconds=0.4, rate=16_000, samples=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, click(seconds, 0.1, rate) if samples is None else samples, rate)
    return path


def database(path, rows, columns=("file", "start", "end", "text", "phoneme", "subject", "session", "fps", "dialect")):
    """Write the token table; a row is (file, start, end, word, phone, speaker, session, fps, dialect)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = ", ".join(f'"{name}"' for name in columns)
    with contextlib.closing(sqlite3.connect(path)) as base, base:
        base.execute(f"CREATE TABLE rtmri ({names})")
        base.executemany(f"INSERT INTO rtmri VALUES ({', '.join('?' * len(columns))})", rows)  # noqa: S608
    return path


def recon(path, pictures, *, matlab=False, **attributes):
    """Write a reconstruction; as MATLAB leaves it for other programs, or as Python writes it."""
    h5py = pytest.importorskip("h5py")
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        if matlab:
            file["recon"] = np.asarray(pictures, np.float64).swapaxes(1, 2)
            file["lambda_t"] = np.array([[0.08]])
        else:
            file["recon"] = pictures
        file.attrs.update(attributes)
    return path


def dicom(folder, pictures, *, first=1, numbers=None, name=NAME, suffix=".dcm", **tags):
    """Write a series of 16-bit pictures whose headers name a person; file names say nothing about their order."""
    pytest.importorskip("pydicom")
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

    folder.mkdir(parents=True, exist_ok=True)
    numbers = range(first, first + len(pictures)) if numbers is None else numbers
    series = generate_uid()
    for index, (number, picture) in enumerate(zip(numbers, pictures, strict=True)):
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.MediaStorageSOPClassUID = MRImageStorage
        dataset.SOPClassUID = MRImageStorage
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.SeriesInstanceUID = series
        dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = name, PATIENT, "19700102"
        dataset.InstanceNumber = number
        dataset.Rows, dataset.Columns = picture.shape
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit = 15
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # headers as bad as real ones
            for tag, value in tags.items():
                setattr(dataset, tag, value(index) if callable(value) else value)
        dataset.PixelData = np.asarray(picture, "<u2").tobytes()
        # The last frame's file sorts first.
        dataset.save_as(folder / f"image{999 - index:04d}{suffix}", enforce_file_format=True)
    return folder
