"""Stores, searches and retrieves over DICOMweb as others do: argv = base URL, folder of DICOM files. Key in NI_KEY.

Prints what it saw as JSON, for the test that started it.
"""
import json
import os
import sys
from pathlib import Path

import pydicom
from dicomweb_client.api import DICOMwebClient

url, folder = sys.argv[1], Path(sys.argv[2])
client = DICOMwebClient(url=url, headers={"Authorization": f"Bearer {os.environ['NI_KEY']}"})
sent = [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]
study, series, instance = (sent[0][name].value for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"))

response = client.store_instances(datasets=sent)
retrieved = client.retrieve_study(study)
frame = client.retrieve_instance_frames(study, series, instance, frame_numbers=[1])
by_uid = {dataset.SOPInstanceUID: dataset for dataset in retrieved}
metadata = client.retrieve_series_metadata(study, series)

print(
    json.dumps(
        {
            "stored": len(response.ReferencedSOPSequence),
            "failed": len(response.get("FailedSOPSequence", [])),
            "studies": [row["0020000D"]["Value"][0] for row in client.search_for_studies(
                search_filters={"PatientID": sent[0].PatientID})],
            "fuzzy": len(client.search_for_studies(fuzzymatching=True, search_filters={"PatientName": "Phantom"})),
            "series": [row["0020000E"]["Value"][0] for row in client.search_for_series(study)],
            "instances": len(client.search_for_instances(study, series)),
            "page": len(client.search_for_instances(study, limit=5, offset=10)),
            "retrieved": len(retrieved),
            "equal": all(by_uid[dataset.SOPInstanceUID] == dataset for dataset in sent),
            "one": client.retrieve_instance(study, series, instance) == sent[0],
            "metadata": len([pydicom.Dataset.from_json(dataset) for dataset in metadata]),
            "frame": frame[0] == sent[0].PixelData,
        }
    )
)
