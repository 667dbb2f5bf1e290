#include "protocol/key_extraction.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <system_error>

#include "protocol/ascii.h"
#include "protocol/strict_integer.h"

namespace slotless::protocol {
namespace {

// All sums are made in 64 bits, where an argument count and a server's small numbers cannot overflow.
using Index = std::int64_t;

Index countOf(Argv argv) {
  return static_cast<Index>(argv.size());
}
std::string_view at(Argv argv, Index index) {
  return argv[static_cast<std::size_t>(index)];
}

class Positions {
 public:
  explicit Positions(std::vector<std::uint32_t>& out) : out_(out) { out_.clear(); }

  void add(Index position) {
    ascending_ = ascending_ && (out_.empty() || out_.back() < position);
    out_.push_back(static_cast<std::uint32_t>(position));
  }
  KeyResult finish(bool valid) {
    if (!valid) out_.clear();
    if (!ascending_) {
      std::sort(out_.begin(), out_.end());
      out_.erase(std::unique(out_.begin(), out_.end()), out_.end());
    }
    return valid ? KeyResult::Ok : KeyResult::Invalid;
  }

 private:
  std::vector<std::uint32_t>& out_;
  bool ascending_ = true;
};

// Adds first, first + step … up to last. False: they contradict the arguments.
bool addRange(Argv argv, Index first, Index last, Index step, Positions& positions) {
  if (first >= countOf(argv) || last < first) return true;  // PFMERGE destination: no sources
  if (first < 1 || last >= countOf(argv) || step < 1) return false;
  for (Index position = first; position <= last; position += step) positions.add(position);
  return true;
}

// Where the first argument of the specification is; nullopt: its keyword is not among the arguments.
std::optional<Index> beginOf(const KeySpec& spec, Argv argv) {
  if (spec.begin == KeySpec::Begin::Index) return spec.index;
  if (spec.begin == KeySpec::Begin::Unknown) return std::nullopt;
  const bool forwards = spec.startFrom > 0;
  const Index start = forwards ? spec.startFrom : countOf(argv) + spec.startFrom;
  for (Index i = start; i >= 1 && i < countOf(argv); i += forwards ? 1 : -1) {
    if (equalsIgnoringCase(at(argv, i), spec.keyword)) return i + 1;
  }
  return std::nullopt;
}

bool addKeyRange(const KeySpec& spec, Argv argv, Index first, Positions& positions) {
  if (spec.lastKey >= 0) return addRange(argv, first, first + spec.lastKey, spec.keyStep, positions);
  const Index given = countOf(argv) - first;
  if (given <= 0) return true;
  if (spec.limit > 1) {  // XREAD: half of what follows STREAMS, which must be even
    return given % spec.limit == 0 &&
           addRange(argv, first, first + given / spec.limit - 1, spec.keyStep, positions);
  }
  // A key without its value (MSET a 1 b) is nothing to route by. A server words that error.
  const Index last = countOf(argv) + spec.lastKey;
  return spec.keyStep >= 1 && (last - first + 1) % spec.keyStep == 0 &&
         addRange(argv, first, last, spec.keyStep, positions);
}

// A count that is no number is read with atoi() for routing; the command itself then refuses it.
std::optional<std::int64_t> keyCountIn(std::string_view text) {
  if (const auto count = strictInteger(text)) return count;
  std::int64_t beginning = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto result = std::from_chars(text.data(), text.data() + text.size(), beginning);
  if (result.ec != std::errc{}) return std::nullopt;
  return beginning;
}

bool addCountedKeys(const KeySpec& spec, Argv argv, Index begin, Positions& positions) {
  const Index countAt = begin + spec.keyNumIndex;
  if (countAt < 1 || countAt >= countOf(argv) || spec.keyStep < 1) return false;
  const std::optional<std::int64_t> count = keyCountIn(at(argv, countAt));
  if (!count || *count < 0) return false;
  if (*count == 0) return true;
  const Index first = begin + spec.firstKey;
  const Index room = countOf(argv) - first;
  if (room <= 0 || *count - 1 > (room - 1) / spec.keyStep) return false;
  return addRange(argv, first, first + (*count - 1) * spec.keyStep, spec.keyStep, positions);
}

bool addBySpec(const KeySpec& spec, Argv argv, Positions& positions) {
  const std::optional<Index> first = beginOf(spec, argv);
  if (!first) return true;
  switch (spec.find) {
    case KeySpec::Find::Range: return addKeyRange(spec, argv, *first, positions);
    case KeySpec::Find::KeyNum: return addCountedKeys(spec, argv, *first, positions);
    case KeySpec::Find::Unknown: break;
  }
  return true;
}

// Servers before 7.0 report no specifications, only the range.
bool addByRange(const CommandSpec& spec, Argv argv, Positions& positions) {
  if (spec.firstKey <= 0) return true;
  const Index last = spec.lastKey < 0 ? countOf(argv) + spec.lastKey : spec.lastKey;
  return addRange(argv, spec.firstKey, last, spec.keyStep, positions);
}

struct SkippedOption {
  std::string_view name;
  Index values;
};

// Goes over the options from argv[from] on: gives the position of the next `wanted`, or argc, not being
// misled by the values of other options.
template <std::size_t kCount>
Index findOption(Argv argv, Index from, std::string_view wanted, const SkippedOption (&skipped)[kCount]) {
  for (Index i = from; i < countOf(argv); ++i) {
    if (equalsIgnoringCase(at(argv, i), wanted)) return i;
    for (const auto& [name, values] : skipped) {
      if (equalsIgnoringCase(at(argv, i), name)) {
        i += values;
        break;
      }
    }
  }
  return countOf(argv);
}

void addSortKeys(Argv argv, Positions& positions) {
  static constexpr SkippedOption kSkipped[] = {{"limit", 2}, {"get", 1}, {"by", 1}};
  positions.add(1);
  Index destination = 0;  // the last STORE counts
  for (Index i = findOption(argv, 2, "store", kSkipped); i + 1 < countOf(argv);
       i = findOption(argv, i + 1, "store", kSkipped)) {
    destination = i + 1;
  }
  if (destination != 0) positions.add(destination);
}

// Source: Redis 8.0 db.c georadiusGetKeys().
void addGeoRadiusKeys(Argv argv, Positions& positions) {
  static constexpr SkippedOption kSkipped[] = {{"count", 1}, {"store", 1}, {"storedist", 1}};
  if (argv.size() < 2) return;
  positions.add(1);
  for (Index i = 5; i + 1 < countOf(argv); ++i) {
    for (const auto& [name, values] : kSkipped) {
      if (!equalsIgnoringCase(at(argv, i), name)) continue;
      if (name != kSkipped[0].name) positions.add(i + 1);
      i += values;
      break;
    }
  }
}

// False: not every key has its id. Source: Redis 8.0 db.c xreadGetKeys(); CLAIM is of 8.4.
bool addStreams(Argv argv, Positions& positions) {
  static constexpr SkippedOption kSkipped[] = {{"block", 1}, {"count", 1}, {"group", 2}, {"claim", 1}};
  const Index first = findOption(argv, 1, "streams", kSkipped) + 1;
  const Index given = countOf(argv) - first;
  return given <= 0 || (given % 2 == 0 && addRange(argv, first, first + given / 2 - 1, 1, positions));
}

// Subcommands whose next argument is a key, or all that are left; COMMAND does not say so. Source: Redis 7.0
// debug.c debugCommand().
void addDebugKey(Argv argv, Positions& positions) {
  static constexpr std::string_view kOfKey[] = {"object",  "sdslen",    "listpack",
                                                "ziplist", "quicklist", "htstats-key"};
  const auto is = [&](std::string_view word) { return equalsIgnoringCase(argv[1], word); };
  if (argv.size() > 2 && std::any_of(std::begin(kOfKey), std::end(kOfKey), is)) positions.add(2);
  if (argv.size() > 2 && is("digest-value")) {
    for (Index i = 2; i < countOf(argv); ++i) positions.add(i);
  }
}

// False: a single key and KEYS contradict each other.
bool addMigrateKeys(Argv argv, Positions& positions) {
  static constexpr SkippedOption kSkipped[] = {{"auth", 1}, {"auth2", 2}};
  constexpr Index kSingleKey = 3;
  const Index keys = findOption(argv, 6, "keys", kSkipped);
  if (keys == countOf(argv)) {
    positions.add(kSingleKey);
    return true;
  }
  for (Index i = keys + 1; i < countOf(argv); ++i) positions.add(i);
  return at(argv, kSingleKey).empty();
}

}  // namespace

void patternPositions(const CommandSpec& spec, Argv argv, std::vector<std::uint32_t>& positions) {
  static constexpr SkippedOption kSkipped[] = {{"limit", 2}, {"store", 1}, {"by", 1}, {"get", 1}};
  if (!spec.namesKeysByPattern) return;
  for (const std::string_view option : {"by", "get"}) {
    for (Index i = 2; (i = findOption(argv, i, option, kSkipped)) + 1 < countOf(argv); i += 2) {
      // Without a '*', BY means: do not sort. GET # means: the element itself.
      if (at(argv, i + 1).find('*') != std::string_view::npos)
        positions.push_back(static_cast<std::uint32_t>(i + 1));
    }
  }
}

KeyResult keyPositions(const CommandSpec& spec, Argv argv, std::vector<std::uint32_t>& positions) {
  Positions found(positions);
  bool valid = true;
  switch (spec.keyProcedure) {
    case KeyProcedure::BySpecs:
    case KeyProcedure::AskServer:
      if (spec.keySpecs.empty()) valid = addByRange(spec, argv, found);
      for (const KeySpec& keySpec : spec.keySpecs) valid = valid && addBySpec(keySpec, argv, found);
      break;
    case KeyProcedure::Sort:
      valid = argv.size() >= 2;
      if (valid) addSortKeys(argv, found);
      break;
    case KeyProcedure::GeoRadius: addGeoRadiusKeys(argv, found); break;
    case KeyProcedure::Streams: valid = addStreams(argv, found); break;
    case KeyProcedure::Debug: addDebugKey(argv, found); break;
    case KeyProcedure::Migrate: valid = argv.size() >= 6 && addMigrateKeys(argv, found); break;
  }
  return found.finish(valid);
}

KeyResult keyPositionsOf(const KeySpec& spec, Argv argv, std::vector<std::uint32_t>& positions) {
  Positions found(positions);
  return found.finish(addBySpec(spec, argv, found));
}

void certainKeyPositions(const CommandSpec& spec, Argv argv, std::vector<std::uint32_t>& positions) {
  Positions found(positions);
  const auto isCertain = [&](const KeySpec& each) {
    const bool madeUp = spec.has(kModule) && (each.flags & kKeyVariableFlags) != 0;
    return each.begin == KeySpec::Begin::Index && (each.flags & kKeyIncomplete) == 0 && !madeUp;
  };
  for (const KeySpec& each : spec.keySpecs) {
    if (isCertain(each) && !addBySpec(each, argv, found)) break;
  }
  found.finish(true);
}

std::optional<KeyRange> plainKeyRange(const CommandSpec& spec, std::size_t argumentCount) noexcept {
  if (spec.keyProcedure != KeyProcedure::BySpecs || spec.keySpecs.size() > 1) return std::nullopt;
  Index first = spec.firstKey;
  Index last = spec.lastKey;
  Index step = spec.keyStep;
  if (!spec.keySpecs.empty()) {
    const KeySpec& keys = spec.keySpecs.front();
    if (keys.begin != KeySpec::Begin::Index || keys.find != KeySpec::Find::Range || keys.limit > 1)
      return std::nullopt;
    first = keys.index;
    last = keys.lastKey;
    step = keys.keyStep;
  }
  const auto count = static_cast<Index>(argumentCount);
  if (first < 1 || last != -1 || step < 1) return std::nullopt;
  if (first >= count || (count - first) % step != 0) return std::nullopt;
  return KeyRange{static_cast<std::size_t>(first), static_cast<std::size_t>(step),
                  static_cast<std::size_t>((count - first) / step)};
}

std::size_t sessionKeywordPosition(const CommandSpec& spec, Argv argv) noexcept {
  if (spec.sessionKeyword.empty()) return 0;
  const auto keyword = std::find_if(spec.keySpecs.begin(), spec.keySpecs.end(),
                                    [](const KeySpec& s) { return s.begin == KeySpec::Begin::Keyword; });
  const bool bounded = keyword != spec.keySpecs.end() && keyword->startFrom > 0;
  for (std::size_t i = bounded ? static_cast<std::size_t>(keyword->startFrom) : 1; i < argv.size(); ++i) {
    if (bounded && equalsIgnoringCase(argv[i], keyword->keyword)) return 0;
    if (equalsIgnoringCase(argv[i], spec.sessionKeyword)) return i;
  }
  return 0;
}

bool hasSessionKeyword(const CommandSpec& spec, Argv argv) noexcept {
  return sessionKeywordPosition(spec, argv) > 0;
}

}  // namespace slotless::protocol
