#include "proxy/databases/reply_names.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "protocol/encoder.h"
#include "protocol/glob.h"
#include "protocol/reply_scanner.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::databases {

using protocol::ReplyNames;

namespace {

// Of a key that is the database's and matches: what it is called there.
std::optional<std::string_view> ownName(std::string_view key, const Database& database,
                                        std::string_view pattern) {
  const auto physical = routing::textOf(key);
  if (!physical || !database.owns(*physical)) return std::nullopt;
  const std::string_view name = database.logicalName(*physical);
  // A single star is no pattern to KEYS and SCAN: it includes the empty key.
  if (pattern != "*" && !protocol::matchesGlob(pattern, name)) return std::nullopt;
  return name;
}

bool isMap(std::string_view reply) {
  return reply.starts_with('%');
}

// [key, ...] with the key's own name.
void appendFirstNamed(std::string& out, std::string_view reply, const Database& database) {
  const auto elements = routing::isListReply(reply) ? routing::elementsOf(reply) : std::nullopt;
  if (!elements || elements->empty()) {
    out += reply;
    return;
  }
  routing::appendListHeaderLike(out, reply, elements->size());
  appendName(out, elements->front(), database);
  for (std::size_t i = 1; i < elements->size(); ++i) out += (*elements)[i];
}

void appendStreams(std::string& out, std::string_view reply, const Database& database) {
  if (isMap(reply)) {
    const auto pairs = routing::pairsOf(reply);
    if (!pairs) {
      out += reply;
      return;
    }
    routing::appendPairsHeaderLike(out, reply, pairs->size());
    for (const auto& [key, entries] : *pairs) {
      appendName(out, key, database);
      out += entries;
    }
    return;
  }
  const auto elements = routing::isListReply(reply) ? routing::elementsOf(reply) : std::nullopt;
  if (!elements) {
    out += reply;
    return;
  }
  routing::appendListHeaderLike(out, reply, elements->size());
  for (const std::string_view stream : *elements) appendFirstNamed(out, stream, database);
}

class NameComposer final : public routing::Composer {
 public:
  NameComposer(ReplyNames names, const Database& database) : names_(names), database_(database) {}

  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    const std::string_view reply = parts.front().bytes;
    if (routing::isErrorReply(reply)) {
      out += withoutPrefix(reply, database_);
      return false;
    }
    switch (names_) {
      case ReplyNames::First: appendFirstNamed(out, reply, database_); break;
      case ReplyNames::Streams: appendStreams(out, reply, database_); break;
      case ReplyNames::None:
      case ReplyNames::Errors: out += reply; break;
    }
    return true;
  }

 private:
  ReplyNames names_;
  const Database& database_;
};

constexpr std::size_t kManyComposed = 64U * 1024;  // bytes, of one part

class ListComposer final : public routing::Composer {
 public:
  ListComposer(const Database& database, std::string pattern)
      : database_(database), pattern_(std::move(pattern)) {}

  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    Piece piece = Piece::More;
    while (piece == Piece::More) piece = composePiece(parts, out, std::numeric_limits<std::size_t>::max());
    return piece == Piece::Good;
  }

  bool composesInPieces(std::span<const routing::PartReply> parts) const override {
    return std::any_of(parts.begin(), parts.end(),
                       [](const routing::PartReply& part) { return part.bytes.size() >= kManyComposed; });
  }
  // All are looked at before the first is written: the reply begins with their number.
  Piece composePiece(std::span<const routing::PartReply> parts, std::string& out,
                     std::size_t elements) override {
    for (; part_ < parts.size(); ++part_, position_ = 0) {
      if (!lookAt(parts[part_].bytes, elements)) {
        out += parts[part_].bytes;
        return Piece::Failed;
      }
      if (elements == 0) return Piece::More;
    }
    if (written_ == 0) protocol::appendArrayHeader(out, names_.size());
    for (; written_ < names_.size() && elements > 0; ++written_, --elements)
      protocol::appendBulk(out, names_[written_]);
    return written_ < names_.size() ? Piece::More : Piece::Good;
  }

 private:
  // Takes names from a part until it is over, or `elements` is 0. False: it is no list.
  bool lookAt(std::string_view reply, std::size_t& elements) {
    if (position_ == 0) {
      const auto count = routing::isListReply(reply) ? routing::numberOf(reply, position_) : std::nullopt;
      if (!count || *count < 0) return false;
      left_ = static_cast<std::size_t>(*count);
    }
    for (; left_ > 0 && elements > 0; --left_, --elements) {
      protocol::ReplyScanner scanner;
      const auto result = scanner.scan(reply.substr(position_));
      if (result.status != protocol::ReplyScanner::Status::Complete) return false;
      if (const auto name = ownName(reply.substr(position_, result.consumed), database_, pattern_))
        names_.push_back(*name);
      position_ += result.consumed;
    }
    return true;
  }

  const Database& database_;
  std::string pattern_;
  std::deque<std::string_view> names_;  // does not move what it has when it grows
  std::size_t part_ = 0;
  std::size_t position_ = 0;  // in that part; 0: at its beginning
  std::size_t left_ = 0;      // of its elements
  std::size_t written_ = 0;
};

class FirstKeyComposer final : public routing::Composer {
 public:
  FirstKeyComposer(const Database& database, int protocol) : database_(database), protocol_(protocol) {}

  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    std::string_view found;
    for (const routing::PartReply& part : parts) {
      if (routing::isErrorReply(part.bytes)) {
        out += part.bytes;
        return false;
      }
      if (found.empty() && !routing::isNullReply(part.bytes)) found = part.bytes;
    }
    if (found.empty()) {
      protocol::appendNull(out, protocol_);
    } else {
      appendName(out, found, database_);
    }
    return true;
  }

 private:
  const Database& database_;
  int protocol_;
};

}  // namespace

std::string withoutPrefix(std::string_view line, const Database& database) {
  if (!database.mapped()) return std::string(line);
  std::string text;
  for (std::size_t at = database.findName(line); at != std::string_view::npos; at = database.findName(line)) {
    text += line.substr(0, at);
    line = database.logicalName(line.substr(at));
    if (!database.owns(line)) continue;
    const std::string_view rest = database.logicalName(line);
    text += line.substr(0, line.size() - rest.size());  // the key's own name begins like that
    line = rest;
  }
  return text.append(line);
}

void appendName(std::string& out, std::string_view element, const Database& database) {
  const auto name = routing::textOf(element);
  if (name && database.mapped() && database.owns(*name))
    return protocol::appendBulk(out, database.logicalName(*name));
  out += element;
}

void appendOwnKeys(std::string& out, std::span<const std::string_view> keys, const Database& database,
                   std::string_view pattern) {
  std::vector<std::string_view> names;
  for (const std::string_view key : keys) {
    if (const auto name = ownName(key, database, pattern)) names.push_back(*name);
  }
  protocol::appendArrayHeader(out, names.size());
  for (const std::string_view name : names) protocol::appendBulk(out, name);
}

std::unique_ptr<routing::Composer> listComposer(const Database& database, std::string pattern) {
  return std::make_unique<ListComposer>(database, std::move(pattern));
}

std::unique_ptr<routing::Composer> firstKeyComposer(const Database& database, int protocol) {
  return std::make_unique<FirstKeyComposer>(database, protocol);
}

std::unique_ptr<routing::Composer> composerFor(ReplyNames names, const Database& database) {
  return names == ReplyNames::None ? nullptr : std::make_unique<NameComposer>(names, database);
}

}  // namespace slotless::databases
