#include "proxy/databases/whole_database.h"

#include <optional>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/databases/reply_names.h"
#include "proxy/databases/scripts.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/routing/scan_cursor.h"

namespace slotless::databases {

using protocol::Argv;
using protocol::WholeDatabase;
using routing::PartReply;

namespace {

// A slot with no more keys than that is gone through at once.
constexpr std::string_view kAtOnce = "10000";
// Places of the node's hash table that one SCAN looks at: some milliseconds.
constexpr std::string_view kPlacesPerScan = "10000";

class ScanComposer final : public routing::Composer {
 public:
  ScanComposer(const Database& database, std::string pattern)
      : database_(database), pattern_(std::move(pattern)) {}

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    const std::string_view reply = parts.front().bytes;
    if (routing::isErrorReply(reply)) {
      out += reply;
      return false;
    }
    const auto elements = routing::elementsOf(reply);
    const auto next = elements && elements->size() >= 2 ? cursorIn(*elements) : std::nullopt;
    if (!next) {
      protocol::appendError(out, "ERR The node's answer to SCAN is not one");
      return false;
    }
    protocol::appendArrayHeader(out, 2);
    protocol::appendBulk(out, std::to_string(*next));
    appendOwnKeys(out, std::span(*elements).subspan(2), database_, pattern_);
    return true;
  }

 private:
  std::optional<std::uint64_t> cursorIn(const std::vector<std::string_view>& elements) const {
    const auto cursor = routing::parseScanCursor(routing::textOf(elements[0]).value_or("x"));
    const auto check = protocol::strictInteger(routing::textOf(elements[1]).value_or("x"));
    if (!cursor || !check) return std::nullopt;
    if (*cursor == 0) return 0;
    return routing::encodeScanCursor(
        {routing::ScanCursor::Stage::Pinned, 0, static_cast<std::uint32_t>(*check), *cursor});
  }

  const Database& database_;
  std::string pattern_;
};

Rewritten script(std::string_view command, std::string_view text, const Database& database) {
  Rewritten result;
  result.command = command;
  result.argv = {std::string(command), std::string(text), "1", database.routingKey, database.prefix};
  return result;
}

Rewritten refused(std::string_view error) {
  Rewritten result;
  result.error = error;
  return result;
}

Rewritten rewriteScan(Argv argv, const Database& database) {
  const auto number = routing::parseScanCursor(argv[1]);
  if (!number) return refused("ERR invalid cursor");
  const ScanOptions options = parseScanOptions(argv);
  if (!options.error.empty()) return refused(options.error);
  const routing::ScanCursor cursor = routing::decodePinnedCursor(*number);
  // Every bit that the cursor has had room for.
  const auto mask = routing::shortenedCheck(0xFFFFFF, cursor);
  Rewritten result = script("eval_ro", scripts::kPinnedScan, database);
  for (std::string& argument : std::vector<std::string>{
           database.prefix + options.match, std::to_string(cursor.nodeCursor), std::to_string(cursor.check),
           std::to_string(mask), std::to_string(options.count), std::string(kAtOnce),
           std::string(kPlacesPerScan), options.type})
    result.argv.push_back(std::move(argument));
  result.composer = std::make_unique<ScanComposer>(database, options.match);
  return result;
}

}  // namespace

ScanOptions parseScanOptions(Argv argv) {
  ScanOptions options;
  for (std::size_t i = 2; i < argv.size(); i += 2) {
    const bool more = i + 1 < argv.size();
    if (more && protocol::equalsIgnoringCase(argv[i], "count")) {
      const auto count = protocol::strictInteger(argv[i + 1]);
      if (!count) {
        options.error = "ERR value is not an integer or out of range";
        return options;
      }
      if (*count < 1) {
        options.error = "ERR syntax error";
        return options;
      }
      options.count = static_cast<std::uint64_t>(*count);
    } else if (more && protocol::equalsIgnoringCase(argv[i], "match")) {
      options.match = argv[i + 1];
    } else if (more && protocol::equalsIgnoringCase(argv[i], "type")) {
      options.type.clear();
      for (const char c : argv[i + 1]) options.type.push_back(protocol::lowerAscii(c));
    } else {
      options.error = "ERR syntax error";
      return options;
    }
  }
  return options;
}

bool isFlush(Argv argv) {
  if (argv.size() == 1) return true;
  return argv.size() == 2 &&
         (protocol::equalsIgnoringCase(argv[1], "async") || protocol::equalsIgnoringCase(argv[1], "sync"));
}

Rewritten rewriteForPinned(WholeDatabase what, Argv argv, const Database& database, int protocol,
                           std::uint32_t random) {
  switch (what) {
    case WholeDatabase::Count: return script("eval_ro", scripts::kPinnedCount, database);
    case WholeDatabase::Flush:
      if (!isFlush(argv)) return refused("ERR syntax error");
      return script("eval", scripts::kPinnedFlush, database);
    case WholeDatabase::List: {
      Rewritten result = script("eval_ro", scripts::kPinnedList, database);
      result.argv.push_back(database.prefix + std::string(argv[1]));
      result.argv.emplace_back(kAtOnce);
      result.composer = listComposer(database, std::string(argv[1]));
      return result;
    }
    case WholeDatabase::Random: {
      Rewritten result = script("eval_ro", scripts::kPinnedRandom, database);
      result.argv.push_back(std::to_string(random));
      result.argv.emplace_back(kAtOnce);
      result.composer = firstKeyComposer(database, protocol);
      return result;
    }
    case WholeDatabase::Scan: return rewriteScan(argv, database);
    case WholeDatabase::None: break;
  }
  return refused("ERR unknown command");
}

}  // namespace slotless::databases
