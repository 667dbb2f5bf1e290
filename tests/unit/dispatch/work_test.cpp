// Works take turns, and together do only so much in a turn.
#include "proxy/dispatch/work.h"

#include <vector>

#include "catch.h"

namespace slotless::session {

namespace {

struct Counting final : Work {
  Counting(std::size_t& count, std::size_t items, std::size_t unitsPerItem)
      : done(count), left(items), units(unitsPerItem) {}
  bool goOn(WorkBudget& budget) override {
    for (; left > 0 && budget.left(); --left, ++done) budget.spend(units);
    return left == 0;
  }
  std::size_t& done;
  std::size_t left;
  std::size_t units;
};

const Downstream& clientNumber(int number) {
  static char places[2];
  return reinterpret_cast<const Downstream&>(places[number]);
}

}  // namespace

TEST_CASE("all works together do in a turn what one would do alone, and none waits for another to finish") {
  for (const std::size_t works : {1U, 4U}) {
    Workbench bench;
    std::vector<std::size_t> done(works);
    for (std::size_t& each : done) bench.add(nullptr, std::make_unique<Counting>(each, 1'000'000, 1));
    bench.run();
    std::size_t all = 0;
    for (const std::size_t each : done) {
      CHECK(each == Workbench::kUnitsPerTurn / works);
      all += each;
    }
    CHECK(all == Workbench::kUnitsPerTurn);
    CHECK_FALSE(bench.idle());
  }
}

TEST_CASE("a turn ends with the item that uses it up, and a work with its last item") {
  Workbench bench;
  std::size_t done = 0;
  bench.add(nullptr, std::make_unique<Counting>(done, 3, 3 * Workbench::kUnitsPerTurn));
  bench.run();
  // A piece is all that one item may use, however much it costs.
  CHECK(done >= 1);
  CHECK(done <= Workbench::kUnitsPerTurn / Workbench::kUnitsPerPiece);
  bench.run();
  CHECK(done == 3);
  CHECK(bench.idle());
}

TEST_CASE("the works of a client that leaves end, those of others and of nobody go on") {
  Workbench bench;
  std::size_t leaving = 0;
  std::size_t staying = 0;
  std::size_t nobodys = 0;
  bench.add(&clientNumber(0), std::make_unique<Counting>(leaving, 10, 1));
  bench.add(&clientNumber(1), std::make_unique<Counting>(staying, 10, 1));
  bench.add(nullptr, std::make_unique<Counting>(nobodys, 10, 1));
  bench.forget(clientNumber(0));
  bench.run();
  CHECK(leaving == 0);
  CHECK(staying == 10);
  CHECK(nobodys == 10);
}

}  // namespace slotless::session
