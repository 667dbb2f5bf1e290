#include "proxy/migrate/walker.h"

#include <chrono>
#include <set>
#include <thread>
#include <utility>

#include "proxy/subcommand/info_text.h"

namespace slotless::migrate {

using subcommand::Reply;

using subcommand::NodeClient;

namespace {

constexpr std::string_view kNamesAtOnce = "1000";
constexpr std::chrono::milliseconds kBetweenScans{200};

}  // namespace

Walker::Walker(Workshop& shop, KeyClient from, Give give)
    : shop_(shop), from_(std::move(from)), give_(std::move(give)) {}

void Walker::want(const Walk& walk) {
  {
    const std::lock_guard lock(mutex_);
    next_.all = next_.all || walk.all;
    next_.sweep = next_.sweep || walk.sweep;
    next_.slots |= walk.slots;
    if (running_ && walk.all) restart_ = true;
  }
  wanted_.notify_one();
}

bool Walker::idle() const {
  const std::lock_guard lock(mutex_);
  return !running_ && !next_.wanted();
}

void Walker::run() {
  while (!shop_.stopped()) {
    Walk walk;
    {
      std::unique_lock lock(mutex_);
      running_ = false;
      wanted_.wait_for(lock, std::chrono::milliseconds(50), [&] { return next_.wanted(); });
      if (!next_.wanted()) continue;
      walk = std::exchange(next_, Walk());
      running_ = true;
      restart_ = false;
    }
    const bool whole = (!(walk.all || walk.slots.any()) || walkFrom(walk)) && (!walk.sweep || sweepTo());
    if (whole) {
      ++shop_.counts.walks;
    } else if (!shop_.stopped()) {
      // What has been given up is done again, with what has come to it.
      want(walk);
    }
  }
}

bool Walker::walkFrom(const Walk& walk) {
  walked_ = 0;
  expected_ = 0;
  std::set<std::uint32_t> allowed;
  return each(shop_.from, [&](std::vector<Key> keys) {
    for (Key& key : keys) {
      ++walked_;
      database_ = key.database;
      if (!allowed.contains(key.database)) {
        if (auto objection = shop_.objectionTo(key.database); !objection.empty()) {
          shop_.failure.set(objection);
          return false;
        }
        allowed.insert(key.database);
      }
      if (!walk.all) {
        const auto place = shop_.to.naming.of(key);
        if (!place || !walk.slots.test(place->slot)) continue;
      }
      give_(std::move(key));
      if (interrupted()) return false;
    }
    return !interrupted();
  });
}

bool Walker::sweepTo() {
  return each(shop_.to, [this](const std::vector<Key>& keys) { return missing(keys) && !interrupted(); });
}

// Keys may be missed that change their node meanwhile: then once more.
bool Walker::each(const Workshop::Side& side, const Page& page) {
  std::uint64_t changes = 0;
  do {
    changes = side.nodes.changes();
    const auto view = side.nodes.view();
    for (const auto& master : view->masters) {
      bool refused = false;
      const Page noted = [&](std::vector<Key> keys) {
        refused = !page(std::move(keys));
        return !refused;
      };
      while (side.nodes.changes() == changes && !eachOf(side, master.url, noted)) {
        if (refused || interrupted()) return false;
        std::this_thread::sleep_for(kBetweenScans);
        side.nodes.refreshOnce();
      }
    }
  } while (side.nodes.changes() != changes);
  return true;
}

// An answer that another attempt cannot change ends all of it.
bool Walker::isAnswer(const subcommand::ServerUrl& node, const Reply& reply) {
  if (!reply.failed()) return true;
  if (verdictOf(reply) == Verdict::Final) shop_.failure.set(node.shown() + ": " + reply.text);
  return false;
}

// False: a page was refused, or the node does not answer.
bool Walker::eachOf(const Workshop::Side& side, const subcommand::ServerUrl& node, const Page& page) {
  subcommand::ServerUrl url = node;
  url.database = 0;
  NodeClient first(url, side.nodes.options());
  const Reply keyspace = first.command({"INFO", "keyspace"});
  if (!isAnswer(node, keyspace)) return false;
  const auto sizes = subcommand::databasesIn(keyspace.text);
  if (&side == &shop_.from) {
    for (const auto& [database, size] : sizes) expected_ += size;
  }
  for (const auto& [database, size] : sizes) {
    url.database = database;
    NodeClient client(url, side.nodes.options());
    std::string cursor = "0";
    do {
      const Reply found = client.command({"SCAN", cursor, "COUNT", kNamesAtOnce});
      if (!isAnswer(node, found) || found.items.size() != 2) return false;
      cursor = found.items[0].text;
      std::vector<Key> keys;
      for (const Reply& name : found.items[1].items) {
        if (auto key = side.naming.keyOf(name.text, database)) keys.push_back(*std::move(key));
      }
      if (!page(std::move(keys))) return false;
    } while (cursor != "0");
  }
  return true;
}

// Gives those that the side that is copied from does not have.
bool Walker::missing(const std::vector<Key>& keys) {
  std::vector<KeyOp> ops;
  ops.reserve(keys.size());
  for (const Key& key : keys) ops.push_back({key, {"EXISTS", ""}});
  if (!from_.carryOut(ops)) return false;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (ops[i].reply.kind == Reply::Kind::Integer && ops[i].reply.integer == 0) give_(keys[i]);
  }
  return true;
}

}  // namespace slotless::migrate
