#include "proxy/migrate/copier.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace slotless::migrate {

using subcommand::Reply;

namespace {

// Of values that are read and written at a time.
constexpr std::int64_t kBatchBytes = 4 * 1024 * 1024;

std::int64_t millisecondsIn(const Reply& time) {
  if (time.items.size() != 2) return 0;
  return time.items[0].number() * 1000 + time.items[1].number() / 1000;
}

bool isForeignPayload(const Reply& reply) {
  return reply.isError() && (reply.text.find("DUMP payload version") != std::string::npos ||
                             reply.text.find("Bad data format") != std::string::npos);
}

}  // namespace

Copier::Copier(Workshop& shop, KeyQueue& queue, KeyClient from, KeyClient to)
    : shop_(shop),
      queue_(queue),
      from_(std::move(from)),
      to_(std::move(to)),
      pieces_(from_, to_, shop.facts) {}

void Copier::run() {
  while (!shop_.stopped()) {
    KeyQueue::Batch batch = queue_.take(shop_.throttle.share());
    if (!batch.empty()) {
      std::this_thread::sleep_for(shop_.throttle.pause());
      if (!copy(std::move(batch))) return;  // not done: nobody may think that it was
    }
    queue_.done();
  }
}

bool Copier::fail(const std::string& reason) {
  shop_.failure.set(reason);
  return false;
}

// One server does not tell in which database a name has changed.
bool Copier::itemsOf(KeyQueue::Batch batch, std::vector<Item>& items) {
  std::vector<Key> keys = std::move(batch.found);
  std::vector<std::string> anywhere;
  for (Key& key : batch.changed) {
    if (key.database == kAnyDatabase) {
      anywhere.push_back(std::move(key.name));
    } else {
      keys.push_back(std::move(key));
    }
  }
  if (!anywhere.empty()) {
    std::string error;
    const auto sizes = from_.sizes(error);
    if (!sizes) return false;
    if (!error.empty()) return fail(error);
    shop_.databases.take(*sizes);
    for (const auto& [database, size] : shop_.databases.sizes()) {
      if (auto objection = shop_.objectionTo(database); !objection.empty()) return fail(objection);
      for (const std::string& name : anywhere) keys.push_back({database, name});
    }
  }
  for (Key& key : keys) {
    if (to_.mayHave(key) && from_.mayHave(key)) {
      items.push_back({std::move(key)});
    } else if (shop_.counts.refusedNames++ == 0) {
      shop_.say("database " + std::to_string(key.database) +
                " has keys whose names the target reserves, as " + key.name + ": they are not copied");
    }
  }
  return true;
}

bool Copier::copy(KeyQueue::Batch batch) {
  std::vector<Item> items;
  if (!itemsOf(std::move(batch), items)) return false;
  // Fewer changes of the database.
  std::stable_sort(items.begin(), items.end(),
                   [](const Item& a, const Item& b) { return a.key.database < b.key.database; });
  if (!measure(items)) return false;
  std::vector<Item> some;
  std::int64_t bytes = 0;
  const auto finish = [&] {
    if (!dump(some) || !restore(some)) return false;
    some.clear();
    bytes = 0;
    return true;
  };
  for (Item& item : items) {
    if (!item.gone && isBig(item)) {
      if (!copyInPieces(item)) return false;
      continue;
    }
    bytes += item.bytes;
    some.push_back(std::move(item));
    if (bytes > kBatchBytes && !finish()) return false;
  }
  return finish();
}

bool Copier::measure(std::vector<Item>& items) {
  const SourceFacts& facts = shop_.facts;
  std::vector<KeyOp> ops;
  const bool usage = facts.usage != Usage::None;
  for (const Item& item : items) {
    if (usage)
      ops.push_back({item.key, {"OBJECT", facts.usage == Usage::IdleTime ? "IDLETIME" : "FREQ", ""}, 2});
    if (facts.tellsSizes) ops.push_back({item.key, {"MEMORY", "USAGE", "", "SAMPLES", "3"}, 2});
    // By the clock of the same node.
    if (!facts.tellsExpiryTimes) ops.push_back({item.key, {"TIME"}, 0});
    ops.push_back({item.key, {facts.tellsExpiryTimes ? "PEXPIRETIME" : "PTTL", ""}});
  }
  if (!from_.carryOut(ops)) return false;
  auto next = ops.begin();
  for (Item& item : items) {
    if (usage) {
      const Reply& reply = (next++)->reply;
      if (reply.kind == Reply::Kind::Integer) item.usage = std::to_string(reply.integer);
    }
    if (facts.tellsSizes) {
      const Reply& reply = (next++)->reply;
      if (reply.isError()) return fail("MEMORY USAGE: " + reply.text);
      item.bytes = reply.number();
    }
    const std::int64_t now = facts.tellsExpiryTimes ? 0 : millisecondsIn((next++)->reply);
    const Reply& expiry = (next++)->reply;
    if (expiry.isError()) return fail("asking the time to live: " + expiry.text);
    item.gone = expiry.integer == -2;
    if (expiry.integer >= 0) item.expiresAt = now + expiry.integer;
  }
  return facts.tellsSizes || measureByLength(items);
}

// Where MEMORY USAGE is not allowed.
bool Copier::measureByLength(std::vector<Item>& items) {
  constexpr std::int64_t kElementBytes = 64;
  std::vector<KeyOp> types;
  for (const Item& item : items) types.push_back({item.key, {"TYPE", ""}});
  if (!from_.carryOut(types)) return false;
  std::vector<KeyOp> lengths;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string_view command = lengthCommand(types[i].reply.text);
    lengths.push_back({items[i].key, {command.empty() ? "EXISTS" : std::string(command), ""}});
  }
  if (!from_.carryOut(lengths)) return false;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const bool isString = types[i].reply.text == "string";
    items[i].bytes = lengths[i].reply.number() * (isString ? 1 : kElementBytes);
  }
  return true;
}

bool Copier::dump(std::vector<Item>& items) {
  std::vector<KeyOp> ops;
  for (const Item& item : items) {
    if (!item.gone) ops.push_back({item.key, {"DUMP", ""}});
  }
  if (!from_.carryOut(ops)) return false;
  auto next = ops.begin();
  for (Item& item : items) {
    if (item.gone) continue;
    Reply& reply = (next++)->reply;
    if (reply.isError()) return fail("DUMP: " + reply.text);
    item.gone = reply.isNothing();
    item.payload = std::move(reply.text);
  }
  return true;
}

bool Copier::restore(std::vector<Item>& items) {
  std::vector<KeyOp> ops;
  ops.reserve(items.size());
  for (Item& item : items) {
    std::vector<std::string> words{"UNLINK", ""};
    if (item.gone) {
      shop_.streams.forget(item.key);
    } else {
      shop_.streams.note(item.key, item.payload);
      shop_.counts.bytes += item.payload.size();
      words = {"RESTORE", "", std::to_string(item.expiresAt), std::move(item.payload), "REPLACE"};
      if (item.expiresAt != 0) words.emplace_back("ABSTTL");
      if (!item.usage.empty()) {
        words.emplace_back(shop_.facts.usage == Usage::IdleTime ? "IDLETIME" : "FREQ");
        words.push_back(item.usage);
      }
    }
    ops.push_back({item.key, std::move(words)});
  }
  if (!to_.carryOut(ops)) return false;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const Reply& reply = ops[i].reply;
    if (isForeignPayload(reply)) {
      if (!shop_.byType.exchange(true))
        shop_.say(
            "one side does not understand the other's DUMP: values are copied by the commands of "
            "their types");
      if (!copyInPieces(items[i])) return false;
    } else if (reply.isError()) {
      return fail("what is copied to refuses " + ops[i].words.front() + ": " + reply.text);
    } else if (items[i].gone) {
      shop_.counts.deleted += static_cast<std::uint64_t>(reply.number());
    } else {
      ++shop_.counts.keys;
    }
  }
  return true;
}

bool Copier::copyInPieces(Item& item) {
  const PieceResult result = pieces_.copy(item.key, item.bytes);
  switch (result.outcome) {
    case Pieced::Copied:
      if (result.detail == "stream") shop_.streams.note(item.key);
      ++shop_.counts.keys;
      ++shop_.counts.inPieces;
      shop_.counts.bytes += static_cast<std::uint64_t>(item.bytes);
      return true;
    case Pieced::Gone: {
      item.gone = true;
      std::vector<Item> one;
      one.push_back(std::move(item));
      return restore(one);
    }
    case Pieced::Unsupported: {
      // The type of a module: only whole.
      if (shop_.byType)
        return fail("a key of type " + result.detail +
                    " cannot be copied to a server of another version: " + item.key.name);
      std::vector<Item> one;
      one.push_back(std::move(item));
      return dump(one) && restore(one);
    }
    case Pieced::Refused: return fail("copying " + item.key.name + " in pieces: " + result.detail);
    case Pieced::Stopped: return false;
  }
  return false;
}

}  // namespace slotless::migrate
