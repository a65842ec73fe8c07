"""Prints the DICOM JSON Model of each file given, one JSON object a line: {"name": ..., "json": {...}} or no json."""

import json
import sys
import warnings
from pathlib import Path

import pydicom

warnings.simplefilter("ignore")

for path in sys.argv[1:]:
    answer = {"name": Path(path).name}
    try:
        dataset = pydicom.dcmread(path)
        dataset.decode()
        answer["json"] = dataset.to_json_dict(
            bulk_data_threshold=1025,
            bulk_data_element_handler=lambda element: f"bulk:{int(element.tag):08X}",
            suppress_invalid_tags=True,
        )
    except Exception as error:  # noqa: BLE001 - what pydicom cannot read is compared with nothing
        answer["error"] = str(error)
    print(json.dumps(answer))
