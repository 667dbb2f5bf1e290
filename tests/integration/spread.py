"""Random programs on database 0 as it is by default: over all slots of a cluster.

SLOTLESS_PROGRAMS_COUNT, _SEED and _FIRST choose other random programs than the usual ones.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
from random_programs import spreading
from random_programs.of_layout import ProgramTests, ProgramsOfLayout
from random_programs.upheaval import Upheaval


def setUpModule():
    global site
    site = fixture.open_site(options=("--databases", 1),  # or else some names are reserved for other databases
                             node_options=("--hz", "100"))


def tearDownModule():
    fixture.close_site()


@fixture.NOT_ONE_REDIS
class Programs(ProgramTests, ProgramsOfLayout):
    name = "the spread database"
    databases = {2: 0, 3: 0}
    trial = spreading.SpreadTrial
    settled = [f"{{{number}}}settled".encode() for number in range(20)]

    @classmethod
    def site(cls):
        return site

    def upheaval(self):
        return Upheaval(site.cluster, spreading.slots())


if __name__ == "__main__":
    fixture.main()
