// Leases: budgets by use, and which of them are given to the next client.
#include "proxy/upstream/lease_pool.h"

#include <memory>

#include "link_bench.h"

namespace slotless::upstream {
namespace {

using test::Asker;

const net::Address kLeased{"127.0.0.1", 7000};
const net::Address kOtherLeased{"127.0.0.1", 7001};

class Leased : public test::LinkBench {
 public:
  Leased() { remake(2, 2); }
  ~Leased() override { pool.reset(); }

  void remake(std::size_t transactions, std::size_t blocking) {
    pool.reset();
    const LeaseBudgets::Counts limits{transactions, blocking};
    budgets = std::make_unique<LeaseBudgets>(limits, metrics);
    pool = std::make_unique<LeasePool>(*this, settings, metrics, *budgets);
  }
  Link& acquire(LeaseUse use = LeaseUse::Transaction, const net::Address& node = kLeased) {
    Link* link = pool->acquire(node, 2, use);
    REQUIRE(link != nullptr);
    if (link->ready()) return *link;
    fake().settle();
    says("+PONG\r\n+OK\r\n+OK\r\n:7\r\n");
    REQUIRE(link->ready());
    connection().takeWritten();
    return *link;
  }
  void giveBack(Link& link, bool clean = true) {
    pool->release(link, clean);
    pool->sweep();
  }

  std::unique_ptr<LeaseBudgets> budgets;
  std::unique_ptr<LeasePool> pool;
};

}  // namespace

TEST_CASE_METHOD(Leased, "a lease that came back clean is given to the next client, for any use") {
  Link& first = acquire();
  CHECK(first.nodeClientId() == 7);
  giveBack(first);
  CHECK(&acquire(LeaseUse::Blocking) == &first);
  CHECK(connections.size() == 1);
}

TEST_CASE_METHOD(Leased, "a lease that is taken, at another node or of another protocol is given to nobody") {
  Link& first = acquire();
  CHECK(&acquire() != &first);
  giveBack(first);
  CHECK(&acquire(LeaseUse::Blocking, kOtherLeased) != &first);
  CHECK(pool->acquire(kLeased, 3, LeaseUse::Blocking) != &first);
  CHECK(connections.size() == 4);
}

TEST_CASE_METHOD(Leased, "a lease that is not clean is closed") {
  giveBack(acquire(), false);
  CHECK(connection().closed());
  acquire();
  CHECK(connections.size() == 2);
}

TEST_CASE_METHOD(Leased,
                 "a lease with a reply outstanding is closed at the end of the turn, and given to nobody") {
  Link& first = acquire();
  Asker asker;
  first.send(asker, "PING", Front::None);
  fake().settle();
  pool->release(first, true);
  CHECK(pool->acquire(kLeased, 2, LeaseUse::Transaction) != &first);
  pool->sweep();
  CHECK(connections.front()->closed());
  CHECK(asker.outcome == "lost:sent|");
}

TEST_CASE_METHOD(Leased, "a lease that was lost is destroyed when it comes back, not before") {
  Link& first = acquire();
  connection().end();
  fake().settle();
  CHECK(first.dead());
  pool->sweep();
  CHECK(first.dead());  // still there
  giveBack(first);
  CHECK(budgets->inUse(LeaseUse::Transaction) == 0);
}

TEST_CASE_METHOD(Leased, "an idle lease that is lost is not given to anybody") {
  giveBack(acquire());
  connection().end();
  fake().settle();
  pool->sweep();
  acquire();
  CHECK(connections.size() == 2);
}

TEST_CASE_METHOD(Leased, "where a lease was lost the next one is made anew, since its node may be ending") {
  const bool before = GENERATE(true, false);  // when the other one is given back
  Link& elsewhere = acquire(LeaseUse::Blocking, kOtherLeased);
  Link& idle = acquire();
  Link& lost = acquire();
  giveBack(elsewhere);
  connection().end();
  fake().settle();
  REQUIRE(lost.dead());
  if (before) pool->release(idle, true);
  pool->release(lost, false);
  if (!before) pool->release(idle, true);
  Link* next = pool->acquire(kLeased, 2, LeaseUse::Transaction);
  CHECK(next != &idle);
  CHECK_FALSE(next->wasEverReady());
  CHECK(pool->acquire(kOtherLeased, 2, LeaseUse::Transaction) == &elsewhere);
  pool->sweep();
}

TEST_CASE_METHOD(Leased, "each use has a budget of its own") {
  remake(1, 2);
  Link& transaction = acquire();
  CHECK(pool->acquire(kLeased, 2, LeaseUse::Transaction) == nullptr);
  acquire(LeaseUse::Blocking);
  acquire(LeaseUse::Blocking);
  CHECK(pool->acquire(kLeased, 2, LeaseUse::Blocking) == nullptr);
  CHECK(metrics.transactionLeases.value() == 1);
  CHECK(metrics.blockingLeases.value() == 2);
  CHECK(metrics.limits[static_cast<std::size_t>(telemetry::Limit::Leases)].value() == 2);
  giveBack(transaction);
  CHECK(metrics.transactionLeases.value() == 0);
  CHECK(&acquire() == &transaction);
}

TEST_CASE_METHOD(Leased, "of many leases that come back only some are kept") {
  remake(100, 0);
  std::vector<Link*> taken;
  for (int i = 0; i < 40; ++i) taken.push_back(&acquire());
  for (Link* link : taken) giveBack(*link);
  std::size_t open = 0;
  for (const auto& each : connections) open += each->closed() ? 0U : 1U;
  CHECK(open == 16);
}

TEST_CASE_METHOD(Leased, "a lease given back twice counts once") {
  Link& first = acquire();
  Link& second = acquire();
  giveBack(first);
  giveBack(first);
  CHECK(budgets->inUse(LeaseUse::Transaction) == 1);
  giveBack(second);
  CHECK(budgets->inUse(LeaseUse::Transaction) == 0);
}

}  // namespace slotless::upstream
