"""read_objects.py FOLDER... - reads seg.dcm and sr.dcm of each folder with highdicom; prints what it found as JSON."""
import json
import os
import sys

import highdicom as hd
import numpy as np


def segments_of(seg):
    volume = seg.get_volume(combine_segments=False)
    found = {}
    for column, number in enumerate(seg.segment_numbers):
        voxels = np.argwhere(volume.array[..., column] > 0)
        centroid = volume.affine @ np.append(voxels.mean(axis=0), 1)
        description = seg.get_segment_description(number)
        found[str(number)] = {
            'voxels': len(voxels),
            'mm3': len(voxels) * float(np.prod(volume.spacing)),
            'centroid': centroid[:3].tolist(),
            'trackingUid': description.tracking_uid,
            'laterality': description.SegmentedPropertyTypeCodeSequence[0]
            .SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning,
        }
    return found


def groups_of(sr, seg):
    groups = []
    for group in sr.content.get_volumetric_roi_measurement_groups():
        site = group.finding_sites[0]
        segment = group.referenced_segment
        groups.append({
            'laterality': site.laterality.meaning,
            'trackingUid': group.tracking_uid,
            'volumes': [m.value for m in group.get_measurements() if m.name.value == '118565006'],
            'segments': list(segment.referenced_segment_numbers)
            if segment.referenced_sop_instance_uid == seg.SOPInstanceUID else [],
        })
    return groups


out = {}
for folder in sys.argv[1:]:
    seg = hd.seg.segread(os.path.join(folder, 'seg.dcm'))
    sr = hd.sr.srread(os.path.join(folder, 'sr.dcm'))
    out[os.path.basename(folder)] = {'segments': segments_of(seg), 'groups': groups_of(sr, seg)}
print(json.dumps(out))
