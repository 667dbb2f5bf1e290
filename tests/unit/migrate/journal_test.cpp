// What the journal says of a run while a cut-over is decided.
#include "proxy/migrate/journal.h"

#include <string>

#include "catch.h"

using slotless::migrate::Journal;

namespace {

std::string caughtUp(const std::string& direction, const std::string& side) {
  Journal::Fields fields{{"caught_up", "1"}, {"phase", "caught up"}};
  if (!direction.empty()) fields["direction"] = direction;
  Journal::correct(fields, side);
  CHECK(fields["phase"] == (fields["caught_up"] == "1" ? "caught up" : "changing sides"));
  return fields["caught_up"];
}

}  // namespace

TEST_CASE("a run that copies the other way round has not caught up") {
  for (const char* const side : {"single", "preparing:7"}) {
    CAPTURE(side);
    CHECK(caughtUp(Journal::kToCluster, side) == "1");
    CHECK(caughtUp("", side) == "1");  // of a release that knew no way back
    CHECK(caughtUp(Journal::kToServer, side) == "0");
  }
  for (const char* const side : {"cluster", "returning:7"}) {
    CAPTURE(side);
    CHECK(caughtUp(Journal::kToServer, side) == "1");
    CHECK(caughtUp(Journal::kToCluster, side) == "0");
  }
}

TEST_CASE("a run that has not caught up goes on to say what it does") {
  Journal::Fields fields{{"caught_up", "0"}, {"phase", "walking"}, {"direction", Journal::kToCluster}};
  Journal::correct(fields, "cluster");
  CHECK(fields["phase"] == "walking");
}
