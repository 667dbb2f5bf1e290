// Figures of users, told by workers as a whole and added up.
#include "proxy/telemetry/user_counts.h"

#include "catch.h"

using namespace slotless;
using telemetry::UserCounts;
using telemetry::UserFigures;

TEST_CASE("the parts of all workers are added up, and each replaces its own") {
  UserCounts counts;
  const int first = 0;
  const int second = 0;
  counts.tell(&first, {{"alice", {1, 2, 3, 4}}, {"bob", {5, 0, 0, 0}}});
  counts.tell(&second, {{"alice", {10, 20, 30, 40}}});
  CHECK(counts.all().at("alice") == UserFigures{11, 22, 33, 44});
  CHECK(counts.all().at("bob") == UserFigures{5, 0, 0, 0});
  counts.tell(&first, {{"alice", {2, 2, 3, 4}}});
  CHECK(counts.all().at("alice") == UserFigures{12, 22, 33, 44});
  CHECK(counts.all().size() == 1);
  counts.withdraw(&second);
  CHECK(counts.all().at("alice") == UserFigures{2, 2, 3, 4});
}

TEST_CASE("so many users have names of their own, those that came first") {
  UserCounts counts;
  for (std::size_t i = 0; i < UserCounts::kMostUsers; ++i)
    CHECK(counts.nameFor("u" + std::to_string(i)) == "u" + std::to_string(i));
  CHECK(counts.nameFor("late") == UserCounts::kOthers);
  CHECK(counts.nameFor("u0") == "u0");
}
