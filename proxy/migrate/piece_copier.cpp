#include "proxy/migrate/piece_copier.h"

#include <algorithm>
#include <array>
#include <utility>

namespace slotless::migrate {

using subcommand::Reply;

namespace {

constexpr std::int64_t kCopiedAtOnce = 256 * 1024;
constexpr std::int64_t kFewestElements = 10;
constexpr std::int64_t kMostElements = 1000;

std::string text(std::int64_t number) {
  return std::to_string(number);
}

// What comes behind it in a stream: its ID with the second number one higher.
std::string idBehind(const std::string& id) {
  const std::size_t dash = id.find('-');
  if (dash == std::string::npos) return id;
  const std::string second = id.substr(dash + 1);
  if (second == "18446744073709551615") return text(std::stoll(id.substr(0, dash)) + 1) + "-0";
  return id.substr(0, dash + 1) + std::to_string(std::stoull(second) + 1);
}

}  // namespace

const PieceCopier::Type* PieceCopier::findType(std::string_view name) {
  static constexpr std::array<Type, 6> kTypes{{{"string", "STRLEN", &PieceCopier::copyString},
                                               {"list", "LLEN", &PieceCopier::copyList},
                                               {"hash", "HLEN", &PieceCopier::copyHash},
                                               {"set", "SCARD", &PieceCopier::copySet},
                                               {"zset", "ZCARD", &PieceCopier::copySortedSet},
                                               {"stream", "XLEN", &PieceCopier::copyStream}}};
  const auto* const found =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const Type& each) { return each.name == name; });
  return found == kTypes.end() ? nullptr : found;
}

std::string_view lengthCommand(std::string_view type) noexcept {
  const PieceCopier::Type* const known = PieceCopier::findType(type);
  return known == nullptr ? std::string_view() : known->length;
}

PieceResult PieceCopier::copy(const Key& key, std::int64_t bytes) {
  key_ = key;
  for (;;) {
    Reply type;
    if (read({"TYPE", key_.name}, type) == Step::Stopped) return {Pieced::Stopped};
    if (type.text == "none") return {Pieced::Gone};
    const Type* const known = findType(type.text);
    if (known == nullptr) return {Pieced::Unsupported, type.text};
    Reply length;
    if (read({std::string(known->length), key_.name}, length) == Step::Stopped) return {Pieced::Stopped};
    const std::int64_t each = std::max<std::int64_t>(bytes / std::max<std::int64_t>(length.number(), 1), 1);
    elements_ = static_cast<std::size_t>(std::clamp(kCopiedAtOnce / each, kFewestElements, kMostElements));
    ops_.clear();
    switch (attempt(*known)) {
      case Step::Good: return {Pieced::Copied, type.text};
      case Step::Gone: return {Pieced::Gone};
      case Step::Refused: return {Pieced::Refused, detail_};
      case Step::Stopped: return {Pieced::Stopped};
      case Step::Again: break;
    }
    if (!to_.waitForBetter()) return {Pieced::Stopped};
  }
}

PieceCopier::Step PieceCopier::attempt(const Type& type) {
  put({"UNLINK"});
  if (const Step step = (this->*type.copy)(); step != Step::Good) return step;
  if (const Step step = copyExpiry(); step != Step::Good) return step;
  return flush();
}

// An error means that it has another type now: from the beginning.
PieceCopier::Step PieceCopier::read(Words words, Reply& reply, std::size_t at) {
  KeyOp op{key_, std::move(words), at};
  if (!from_.carryOut(std::span(&op, 1))) return Step::Stopped;
  reply = std::move(op.reply);
  if (!reply.isError()) return Step::Good;
  if (reply.text.starts_with("WRONGTYPE") || reply.text.find("no such key") != std::string::npos)
    return Step::Again;
  detail_ = reply.text;
  return Step::Refused;
}

void PieceCopier::putWithName(Words words, std::size_t at) {
  words.emplace(words.begin() + static_cast<std::ptrdiff_t>(at));
  ops_.push_back({key_, std::move(words), at});
}

void PieceCopier::put(Words words) {
  putWithName(std::move(words), 1);
}

// What has been carried out in part is begun again: appending twice would double it.
PieceCopier::Step PieceCopier::flush() {
  const bool good = to_.tryOnce(ops_);
  const auto refused = std::find_if(ops_.begin(), ops_.end(), [](const KeyOp& op) {
    return op.reply.isError() && verdictOf(op.reply) == Verdict::Final;
  });
  if (refused != ops_.end()) detail_ = refused->reply.text;
  const bool isRefused = refused != ops_.end();
  ops_.clear();
  if (good) return Step::Good;
  return isRefused ? Step::Refused : Step::Again;
}

PieceCopier::Step PieceCopier::copyString() {
  for (std::int64_t at = 0;; at += kCopiedAtOnce) {
    Reply part;
    if (const Step step = read({"GETRANGE", key_.name, text(at), text(at + kCopiedAtOnce - 1)}, part);
        step != Step::Good)
      return step;
    const bool isLast = part.text.size() < static_cast<std::size_t>(kCopiedAtOnce);
    // An empty one is a value, too.
    if (at == 0 || !part.text.empty()) put({at == 0 ? "SET" : "APPEND", std::move(part.text)});
    if (const Step step = flush(); step != Step::Good) return step;
    if (isLast) return Step::Good;
  }
}

PieceCopier::Step PieceCopier::copyList() {
  for (std::size_t at = 0;; at += elements_) {
    Reply part;
    if (const Step step =
            read({"LRANGE", key_.name, std::to_string(at), std::to_string(at + elements_ - 1)}, part);
        step != Step::Good)
      return step;
    if (part.items.empty()) return at == 0 ? Step::Again : Step::Good;
    Words words{"RPUSH"};
    for (Reply& element : part.items) words.push_back(std::move(element.text));
    put(std::move(words));
    if (const Step step = flush(); step != Step::Good) return step;
  }
}

PieceCopier::Step PieceCopier::copyPages(std::string_view scan, std::string_view add, bool swapped,
                                         std::size_t perElement) {
  std::string cursor = "0";
  do {
    Reply page;
    if (const Step step =
            read({std::string(scan), key_.name, cursor, "COUNT", std::to_string(elements_)}, page);
        step != Step::Good)
      return step;
    if (page.items.size() != 2) return Step::Again;
    cursor = page.items[0].text;
    std::vector<Reply>& found = page.items[1].items;
    std::vector<std::string> fields;
    const std::size_t stride = elements_ * perElement;
    for (std::size_t begin = 0; begin < found.size(); begin += stride) {
      Words words{std::string(add)};
      for (std::size_t i = begin; i < std::min(begin + stride, found.size()); ++i) {
        if (perElement == 2 && !swapped && i % 2 == 0) fields.push_back(found[i].text);
        const std::size_t other = swapped ? i ^ 1U : i;
        words.push_back(found[other].text);
      }
      put(std::move(words));
      if (const Step step = flush(); step != Step::Good) return step;
    }
    if (facts_.tellsFieldExpiry && add == "HSET" && !fields.empty()) {
      if (const Step step = copyFieldExpiry(fields); step != Step::Good) return step;
    }
  } while (cursor != "0");
  return Step::Good;
}

PieceCopier::Step PieceCopier::copyFieldExpiry(const std::vector<std::string>& fields) {
  Words words{"HPEXPIRETIME", key_.name, "FIELDS", std::to_string(fields.size())};
  words.insert(words.end(), fields.begin(), fields.end());
  Reply times;
  if (const Step step = read(std::move(words), times); step != Step::Good) return step;
  for (std::size_t i = 0; i < std::min(times.items.size(), fields.size()); ++i) {
    if (times.items[i].number() > 0)
      put({"HPEXPIREAT", text(times.items[i].number()), "FIELDS", "1", fields[i]});
  }
  return flush();
}

PieceCopier::Step PieceCopier::copyHash() {
  return copyPages("HSCAN", "HSET", false, 2);
}

PieceCopier::Step PieceCopier::copySet() {
  return copyPages("SSCAN", "SADD", false, 1);
}

PieceCopier::Step PieceCopier::copySortedSet() {
  return copyPages("ZSCAN", "ZADD", true, 2);
}

PieceCopier::Step PieceCopier::copyStream() {
  std::string from = "-";
  for (;;) {
    Reply part;
    if (const Step step = read({"XRANGE", key_.name, from, "+", "COUNT", std::to_string(elements_)}, part);
        step != Step::Good)
      return step;
    for (const Reply& entry : part.items) {
      if (entry.items.size() != 2) continue;
      Words words{"XADD", entry.items[0].text};
      for (const Reply& each : entry.items[1].items) words.push_back(each.text);
      put(std::move(words));
      from = idBehind(entry.items[0].text);
    }
    const bool isLast = part.items.size() < elements_;
    if (const Step step = flush(); step != Step::Good) return step;
    if (isLast) break;
  }
  // One without entries is made by a group.
  putWithName({"XGROUP", "CREATE", "slotless-migrate", "0", "MKSTREAM"}, 2);
  putWithName({"XGROUP", "DESTROY", "slotless-migrate"}, 2);
  Reply info;
  if (const Step step = read({"XINFO", "STREAM", key_.name}, info, 2); step != Step::Good) return step;
  const auto field = [&](const Reply& of, std::string_view name) {
    const Reply* const found = of.field(name);
    return found == nullptr ? std::string()
                            : (found->kind == Reply::Kind::Integer ? text(found->integer) : found->text);
  };
  Words ids{"XSETID", field(info, "last-generated-id")};
  if (info.field("entries-added") != nullptr) {
    for (const std::string& each : {std::string("ENTRIESADDED"), field(info, "entries-added"),
                                    std::string("MAXDELETEDID"), field(info, "max-deleted-entry-id")})
      ids.push_back(each);
  }
  put(std::move(ids));
  if (const Step step = flush(); step != Step::Good) return step;
  Reply groups;
  if (const Step step = read({"XINFO", "GROUPS", key_.name}, groups, 2); step != Step::Good) return step;
  for (const Reply& group : groups.items) {
    if (const Step step = copyStreamGroup(group); step != Step::Good) return step;
  }
  return Step::Good;
}

PieceCopier::Step PieceCopier::copyStreamGroup(const Reply& group) {
  const Reply* const name = group.field("name");
  const Reply* const last = group.field("last-delivered-id");
  const Reply* const count = group.field("entries-read");
  if (name == nullptr || last == nullptr) return Step::Again;
  Words create{"XGROUP", "CREATE", name->text, last->text};
  if (count != nullptr && count->kind == Reply::Kind::Integer) {
    create.emplace_back("ENTRIESREAD");
    create.push_back(text(count->integer));
  }
  putWithName(std::move(create), 2);
  Reply consumers;
  if (const Step step = read({"XINFO", "CONSUMERS", key_.name, name->text}, consumers, 2); step != Step::Good)
    return step;
  for (const Reply& each : consumers.items) {
    const Reply* const consumer = each.field("name");
    if (consumer != nullptr) putWithName({"XGROUP", "CREATECONSUMER", name->text, consumer->text}, 2);
  }
  if (const Step step = flush(); step != Step::Good) return step;
  return copyPending(name->text);
}

// Entries that have been delivered and not been confirmed; those of deleted entries are left out, as XCLAIM
// does.
PieceCopier::Step PieceCopier::copyPending(const std::string& group) {
  std::string from = "-";
  for (;;) {
    Reply clock;
    Reply part;
    if (const Step step = read({"TIME"}, clock, 0); step != Step::Good) return step;
    if (const Step step = read({"XPENDING", key_.name, group, from, "+", std::to_string(elements_)}, part);
        step != Step::Good)
      return step;
    if (clock.items.size() != 2) return Step::Again;
    const std::int64_t now = clock.items[0].number() * 1000 + clock.items[1].number() / 1000;
    for (const Reply& each : part.items) {
      if (each.items.size() != 4) continue;
      put({"XCLAIM", group, each.items[1].text, "0", each.items[0].text, "TIME",
           text(now - each.items[2].number()), "RETRYCOUNT", text(each.items[3].number()), "FORCE",
           "JUSTID"});
      from = idBehind(each.items[0].text);
    }
    const bool isLast = part.items.size() < elements_;
    if (const Step step = flush(); step != Step::Good) return step;
    if (isLast) return Step::Good;
  }
}

PieceCopier::Step PieceCopier::copyExpiry() {
  Reply clock;
  Reply left;
  if (const Step step = read({"TIME"}, clock, 0); step != Step::Good) return step;
  if (const Step step = read({"PTTL", key_.name}, left); step != Step::Good) return step;
  if (left.number() == -2) return Step::Gone;
  if (left.number() < 0 || clock.items.size() != 2) return Step::Good;
  std::int64_t at = clock.items[0].number() * 1000 + clock.items[1].number() / 1000 + left.number();
  if (facts_.tellsExpiryTimes) {
    Reply exact;
    if (const Step step = read({"PEXPIRETIME", key_.name}, exact); step != Step::Good) return step;
    if (exact.number() > 0) at = exact.number();
  }
  put({"PEXPIREAT", text(at)});
  return Step::Good;
}

}  // namespace slotless::migrate
