#include "proxy/databases/pinned_scan.h"

#include <charconv>
#include <optional>
#include <span>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/databases/reply_names.h"
#include "proxy/databases/scripts.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/routing/scan_cursor.h"
#include "proxy/routing/scan_notes.h"

namespace slotless::databases {

using protocol::Argv;
using routing::PartReply;
using routing::Plan;
using routing::ScanCursor;

namespace {

// A slot with no more keys than that is gone through at once.
constexpr std::string_view kAtOnce = "10000";
// Places of the node's hash table that one SCAN looks at: some milliseconds.
constexpr std::string_view kPlacesPerScan = "10000";

constexpr std::string_view kPlacesPerPlainScan = "1000";

constexpr std::string_view kInvalidCursor = "ERR invalid cursor";
constexpr std::string_view kNoScanReply = "ERR The node's answer to SCAN is not one";
constexpr std::string_view kTooLong =
    "ERR The node's own SCAN cursor is too long to be passed on in a transaction";

std::vector<std::string> pageRequest(const ScanOptions& options, const Database& database,
                                     const ScanCursor& cursor, std::string_view eval) {
  // Every bit that the cursor has had room for.
  const auto mask = routing::shortenedCheck(0xFFFFFF, cursor);
  return {std::string(eval),
          std::string(scripts::kPinnedScan),
          "1",
          database.routingKey,
          database.prefix,
          database.physicalPattern(options.match),
          std::to_string(cursor.nodeCursor),
          std::to_string(cursor.check),
          std::to_string(mask),
          std::to_string(options.count),
          std::string(kAtOnce),
          std::string(kPlacesPerScan),
          options.type};
}

struct Page {
  ScanCursor next;  // nodeCursor 0: the end
  std::string keys;
};

// nullopt: it is none.
std::optional<Page> pageIn(std::string_view reply, const Database& database, const std::string& pattern) {
  const auto elements = routing::elementsOf(reply);
  if (!elements || elements->size() < 2) return std::nullopt;
  const auto cursor = routing::parseScanCursor(routing::textOf((*elements)[0]).value_or("x"));
  const auto check = protocol::strictInteger(routing::textOf((*elements)[1]).value_or("x"));
  if (!cursor || !check) return std::nullopt;
  Page page{{ScanCursor::Stage::Pinned, 0, static_cast<std::uint32_t>(*check), *cursor}, {}};
  appendOwnKeys(page.keys, std::span(*elements).subspan(2), database, pattern);
  return page;
}

void write(std::uint64_t cursor, std::string_view keys, std::string& out) {
  protocol::appendArrayHeader(out, 2);
  protocol::appendBulk(out, std::to_string(cursor));
  out += keys;
}

// Of a node's id, as the script makes it.
std::uint32_t checkOf(std::string_view nodeId) {
  std::uint32_t check = 0;
  const std::string_view digits = nodeId.substr(0, 6);
  std::from_chars(digits.data(), digits.data() + digits.size(), check, 16);
  return check;
}

// By SCAN alone: a cursor of another node's begins anew.
std::vector<std::string> plainRequest(const ScanOptions& options, const Database& database,
                                      const ScanCursor& cursor, std::uint32_t check) {
  const bool same = routing::shortenedCheck(check, cursor) == cursor.check;
  std::vector<std::string> words = {"SCAN",  std::to_string(same ? cursor.nodeCursor : 0),
                                    "MATCH", database.physicalPattern(options.match),
                                    "COUNT", std::string(kPlacesPerPlainScan)};
  if (!options.type.empty()) words.insert(words.end(), {"TYPE", options.type});
  return words;
}

// nullopt: it is none.
std::optional<Page> plainPageIn(std::string_view reply, const Database& database, const std::string& pattern,
                                std::uint32_t check) {
  const auto elements = routing::elementsOf(reply);
  if (!elements || elements->size() != 2) return std::nullopt;
  const auto cursor = routing::parseScanCursor(routing::textOf(elements->front()).value_or("x"));
  const auto keys = routing::elementsOf(elements->back());
  if (!cursor || !keys) return std::nullopt;
  Page page{{ScanCursor::Stage::Pinned, 0, check, *cursor}, {}};
  appendOwnKeys(page.keys, *keys, database, pattern);
  return page;
}

class OnePage final : public routing::Composer {
 public:
  OnePage(const Database& database, std::string pattern)
      : database_(database), pattern_(std::move(pattern)) {}

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    const std::string_view reply = parts.front().bytes;
    if (routing::isErrorReply(reply)) {
      out += reply;
      return false;
    }
    const auto page = pageIn(reply, database_, pattern_);
    const auto number =
        !page || page->next.nodeCursor == 0 ? std::optional<std::uint64_t>(0) : encodeScanCursor(page->next);
    if (page && number) {
      write(*number, page->keys, out);
      return true;
    }
    protocol::appendError(out, page ? kTooLong : kNoScanReply);
    return false;
  }

 private:
  const Database& database_;
  std::string pattern_;
};

class Steps final : public routing::Composer {
 public:
  Steps(const Database& database, ScanOptions options, std::uint32_t random, PageBy by)
      : database_(database), options_(std::move(options)), random_(random), by_(std::move(by)) {}

  void begin(std::uint64_t number, Plan& plan) {
    const ScanCursor cursor = routing::decodePinnedCursor(number);
    if (cursor.stage != ScanCursor::Stage::Note) return ask(cursor, plan);
    notes_.look(cursor.place, plan);
  }

  bool goOn(std::span<const PartReply> parts, Plan& plan) override {
    const std::string_view reply = parts.front().bytes;
    if (routing::isErrorReply(reply)) {
      error_ = reply;
      return false;
    }
    switch (step_) {
      case Step::Look: ask(routing::ScanNotes::found(reply).value_or(ScanCursor{kPinned}), plan); return true;
      case Step::Page: return takePage(reply, plan);
      case Step::Leave:
        number_ = notes_.number();
        if (notes_.left(reply)) return false;
        notes_.leave(page_.next, ++random_, plan);
        return true;
    }
    return false;
  }
  bool isLastStage() const override { return step_ != Step::Look; }

  bool compose(std::span<const PartReply>, std::string& out) override {
    if (!error_.empty()) {
      out += error_;
      return false;
    }
    write(number_, page_.keys, out);
    return true;
  }

 private:
  enum class Step : std::uint8_t { Look, Page, Leave };
  static constexpr auto kPinned = ScanCursor::Stage::Pinned;

  void ask(const ScanCursor& cursor, Plan& plan) {
    step_ = Step::Page;
    plan.clear();
    plan.kind = Plan::Kind::Prepared;
    plan.staged = true;
    if (by_.eval.empty()) check_ = checkOf(by_.nodeId());
    const auto words = by_.eval.empty() ? plainRequest(options_, database_, cursor, check_)
                                        : pageRequest(options_, database_, cursor, by_.eval);
    routing::addPart(plan, database_.slot, std::vector<std::string_view>(words.begin(), words.end()));
  }

  bool takePage(std::string_view reply, Plan& plan) {
    auto page = by_.eval.empty() ? plainPageIn(reply, database_, options_.match, check_)
                                 : pageIn(reply, database_, options_.match);
    if (!page) {
      protocol::appendError(error_, kNoScanReply);
      return false;
    }
    page_ = std::move(*page);
    if (page_.next.nodeCursor == 0) return false;
    if (const auto number = encodeScanCursor(page_.next)) {
      number_ = *number;
      return false;
    }
    step_ = Step::Leave;
    notes_.leave(page_.next, random_, plan);
    return true;
  }

  const Database& database_;
  const ScanOptions options_;
  std::uint32_t random_;
  const PageBy by_;
  std::uint32_t check_ = 0;  // SCAN alone
  routing::ScanNotes notes_;
  Step step_ = Step::Look;
  Page page_;
  std::uint64_t number_ = 0;
  std::string error_;
};

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

PinnedScan pinnedScan(Argv argv, const Database& database, std::string_view eval) {
  PinnedScan scan;
  const auto number = routing::parseScanCursor(argv[1]);
  const ScanOptions options = parseScanOptions(argv);
  const ScanCursor cursor = routing::decodePinnedCursor(number.value_or(0));
  if (!number) {
    scan.error = kInvalidCursor;
  } else if (!options.error.empty()) {
    scan.error = options.error;
  } else if (cursor.stage == ScanCursor::Stage::Note) {
    scan.error = kTooLong;
  } else {
    scan.argv = pageRequest(options, database, cursor, eval);
    scan.composer = std::make_unique<OnePage>(database, options.match);
  }
  return scan;
}

std::string objectionToScan(Argv argv) {
  if (!routing::parseScanCursor(argv[1])) return std::string(kInvalidCursor);
  return parseScanOptions(argv).error;
}

void planPinnedScan(Argv argv, const Database& database, std::uint32_t random, PageBy by, Plan& plan) {
  auto steps = std::make_unique<Steps>(database, parseScanOptions(argv), random, std::move(by));
  steps->begin(routing::parseScanCursor(argv[1]).value_or(0), plan);
  plan.composer = std::move(steps);
}

}  // namespace slotless::databases
