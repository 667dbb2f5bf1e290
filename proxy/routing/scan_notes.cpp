#include "proxy/routing/scan_notes.h"

#include <charconv>

#include "protocol/encoder.h"
#include "protocol/key_scheme.h"
#include "protocol/slot.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::routing {

namespace {

// The lower bits of a place are the page's number, which turns round.
constexpr unsigned kPageBits = 14;
constexpr std::uint64_t kPages = std::uint64_t{1} << kPageBits;
constexpr std::uint64_t kPagesKept = 100;
constexpr std::string_view kSecondsKept = "3600";

constexpr std::string_view kLeave =
    "--[[slotless]] local old = redis.call('hget', KEYS[1], ARGV[1]) "
    "if old and old ~= ARGV[2] then return 0 end "
    "redis.call('hset', KEYS[1], ARGV[1], ARGV[2]) "
    "redis.call('hdel', KEYS[1], ARGV[3]) "
    "redis.call('expire', KEYS[1], ARGV[4]) "
    "return 1";

std::string keyOf(std::uint64_t place) {
  return protocol::routingKey("scan:" + std::to_string(place >> kPageBits));
}

std::string pageOf(std::uint64_t place) {
  return std::to_string(place % kPages);
}

template <typename Number>
bool take(std::string_view& text, Number& number) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()));
  if (!text.empty()) text.remove_prefix(1);
  return true;
}

}  // namespace

void ScanNotes::look(std::uint64_t place, Plan& plan) {
  place_ = place;
  const std::string key = keyOf(place);
  const std::string page = pageOf(place);
  askOwner(plan, key, {"HGET", key, page}, false);
}

std::optional<ScanCursor> ScanNotes::found(std::string_view reply) {
  auto text = textOf(reply).value_or("");
  unsigned stage = 0;
  ScanCursor cursor;
  const bool whole = take(text, stage) && take(text, cursor.place) && take(text, cursor.check) &&
                     take(text, cursor.nodeCursor);
  if (!whole || stage >= static_cast<unsigned>(ScanCursor::Stage::Note)) return std::nullopt;
  cursor.stage = static_cast<ScanCursor::Stage>(stage);
  return cursor;
}

void ScanNotes::leave(const ScanCursor& cursor, std::uint64_t freshName, Plan& plan) {
  // A number that turns round begins a new iteration.
  const bool goesOn = place_ && (*place_ + 1) % kPages != 0;
  constexpr std::uint64_t kNames = std::uint64_t{1} << (kNoteBits - kPageBits);
  place_ = goesOn ? *place_ + 1 : freshName % kNames << kPageBits;
  const std::string key = keyOf(*place_);
  const std::string value = std::to_string(static_cast<unsigned>(cursor.stage)) + " " +
                            std::to_string(cursor.place) + " " + std::to_string(cursor.check) + " " +
                            std::to_string(cursor.nodeCursor);
  const std::string old = std::to_string((*place_ + kPages - kPagesKept) % kPages);
  const std::string page = pageOf(*place_);
  askOwner(plan, key, {"EVAL", kLeave, "1", key, page, value, old, kSecondsKept}, true);
}

bool ScanNotes::left(std::string_view reply) {
  if (integerOf(reply) == 1) return true;
  place_.reset();
  return false;
}

std::uint64_t ScanNotes::number() const {
  return encodeScanCursor({ScanCursor::Stage::Note, place_.value_or(0), 0, 0}).value_or(0);
}

}  // namespace slotless::routing
