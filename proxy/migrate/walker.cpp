#include "proxy/migrate/walker.h"

#include <chrono>
#include <thread>
#include <utility>

namespace slotless::migrate {

using subcommand::Reply;

namespace {

constexpr std::string_view kNamesAtOnce = "1000";

}  // namespace

Walker::Walker(Workshop& shop, Source source, TargetWriter target, Give give)
    : shop_(shop), source_(std::move(source)), target_(std::move(target)), give_(std::move(give)) {}

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
    const bool whole =
        (!(walk.all || walk.slots.any()) || walkSource(walk)) && (!walk.sweep || sweepTarget());
    if (whole) {
      ++shop_.counts.walks;
    } else if (!shop_.stopped()) {
      // What has been given up is done again, with what has come to it.
      want(walk);
    }
  }
}

bool Walker::walkSource(const Walk& walk) {
  const auto keyspace = source_.ask(0, {"INFO", "keyspace"});
  if (!keyspace) return false;
  const auto sizes = databasesIn(keyspace->text);
  shop_.databases.take(sizes);
  std::uint64_t expected = 0;
  for (const auto& [index, size] : sizes) expected += size;
  walked_ = 0;
  expected_ = expected;
  for (const auto& [index, size] : sizes) {
    if (auto objection = shop_.places.objectionTo(index); !objection.empty()) {
      shop_.failure.set(objection);
      return false;
    }
    database_ = index;
    if (!walkDatabase(index, walk)) return false;
  }
  return true;
}

bool Walker::walkDatabase(std::uint32_t database, const Walk& walk) {
  std::string cursor = "0";
  do {
    const auto page = source_.ask(database, {"SCAN", cursor, "COUNT", std::string(kNamesAtOnce)});
    if (!page) return false;
    if (page->items.size() != 2) {
      shop_.failure.set("SCAN: " + page->text);
      return false;
    }
    cursor = page->items[0].text;
    for (const Reply& name : page->items[1].items) {
      ++walked_;
      Key key{database, name.text};
      if (!walk.all) {
        const auto place = shop_.places.of(key);
        if (!place || !walk.slots.test(place->slot)) continue;
      }
      give_(std::move(key));
      if (interrupted()) return false;
    }
    if (interrupted()) return false;
  } while (cursor != "0");
  return true;
}

// Keys may be missed that change their node meanwhile: then once more.
bool Walker::sweepTarget() {
  std::uint64_t changes = 0;
  do {
    changes = shop_.target.changes();
    const auto view = shop_.target.view();
    for (const auto& master : view->masters) {
      for (const std::uint32_t database : shop_.places.nodeDatabases()) {
        subcommand::ServerUrl url = master.url;
        url.database = database;
        subcommand::NodeClient node(url, shop_.target.options());
        while (shop_.target.changes() == changes && !sweepNode(node, database)) {
          if (interrupted()) return false;
          std::this_thread::sleep_for(std::chrono::milliseconds(200));
          shop_.target.refreshOnce();
        }
      }
    }
  } while (shop_.target.changes() != changes);
  return true;
}

bool Walker::sweepNode(subcommand::NodeClient& node, std::uint32_t nodeDatabase) {
  std::string cursor = "0";
  do {
    const Reply page = node.command({"SCAN", cursor, "COUNT", kNamesAtOnce});
    if (page.items.size() != 2) return false;
    cursor = page.items[0].text;
    std::vector<Key> keys;
    for (const Reply& name : page.items[1].items) {
      if (auto key = shop_.places.keyOf(name.text, nodeDatabase)) keys.push_back(*std::move(key));
    }
    if (!missing(keys) || interrupted()) return false;
  } while (cursor != "0");
  return true;
}

// Gives those that the source does not have.
bool Walker::missing(const std::vector<Key>& keys) {
  std::vector<SourceQuestion> questions;
  questions.reserve(keys.size());
  for (const Key& key : keys) questions.push_back({key.database, {"EXISTS", key.name}});
  if (!source_.ask(questions)) return false;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (questions[i].reply.kind == Reply::Kind::Integer && questions[i].reply.integer == 0) give_(keys[i]);
  }
  return true;
}

}  // namespace slotless::migrate
