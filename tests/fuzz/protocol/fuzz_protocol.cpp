// 100,000 random and mutated byte sequences through the request parser and the reply scanner, in random
// pieces. SLOTLESS_FUZZ_SEED=<number> repeats a run; the seed is printed.
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "catch.h"
#include "parsed_stream.h"
#include "protocol/encoder.h"
#include "random_resp.h"
#include "scanned_stream.h"

namespace {

using slotless::protocol::RequestLimits;
using slotless::test::ParsedStream;
using slotless::test::RandomResp;
using slotless::test::ScannedStream;

constexpr std::size_t kSequences = 100000;
constexpr std::uint64_t kDefaultSeed = 20250101;

std::uint64_t seed() {
  const char* const given = std::getenv("SLOTLESS_FUZZ_SEED");
  const std::uint64_t value = given != nullptr ? std::strtoull(given, nullptr, 10) : kDefaultSeed;
  std::cout << "SLOTLESS_FUZZ_SEED=" << value << std::endl;
  return value;
}

template <typename Feed>
void inRandomPieces(RandomResp& random, std::string_view stream, Feed feed) {
  const std::size_t longest = 1 + random.below(random.oneIn(3) ? 4 : 60);
  while (!stream.empty()) {
    const std::size_t size = std::min(stream.size(), 1 + random.below(longest));
    feed(stream.substr(0, size));
    stream.remove_prefix(size);
  }
}

// As Redis takes them: any byte for LF behind a length, any two behind an argument.
std::string withOddLineEnds(RandomResp& random, const std::vector<std::string>& command) {
  const auto byte = [&] { return random.oneIn(3) ? random.text(1).append(1, '.').front() : '\n'; };
  std::string out = "*" + std::to_string(command.size()) + "\r" + byte();
  for (const std::string& argument : command) {
    out += "$" + std::to_string(argument.size()) + "\r" + byte() + argument;
    out += random.oneIn(3) ? byte() : '\r';
    out += byte();
  }
  return out;
}

std::string requests(RandomResp& random) {
  std::string stream;
  for (std::size_t n = 1 + random.below(4); n > 0; --n) {
    if (random.oneIn(3)) {
      stream += random.text(30) + (random.oneIn(2) ? "\r\n" : "\n");
      continue;
    }
    const auto command = random.command(5, 20);
    if (random.oneIn(4)) {
      stream += withOddLineEnds(random, command);
      continue;
    }
    const std::vector<std::string_view> views(command.begin(), command.end());
    slotless::protocol::appendRequest(stream, views);
  }
  return stream;
}

// What is not told to be written anew may reach a node as it is: then it must be what we would write.
bool forwardsOnlyCanonical(const ParsedStream& found, std::string_view stream) {
  for (const ParsedStream::Request& request : found.requests) {
    const std::string_view bytes = stream.substr(0, request.size);
    stream.remove_prefix(request.size);
    if (request.isInline || request.argv.empty()) continue;
    const std::vector<std::string_view> views(request.argv.begin(), request.argv.end());
    std::string canonical;
    slotless::protocol::appendRequest(canonical, views);
    if (bytes != canonical) return false;
  }
  return true;
}

std::string replies(RandomResp& random) {
  std::string stream;
  for (std::size_t n = 1 + random.below(3); n > 0; --n) stream += random.resp3Reply(2);
  return stream;
}

// Random bytes, valid ones, or most often valid ones with a few wounds.
std::string sequence(RandomResp& random, std::string (*valid)(RandomResp&)) {
  if (random.oneIn(5)) return random.bytes(120);
  std::string stream = valid(random);
  return random.oneIn(8) ? stream : random.mutated(std::move(stream));
}

RequestLimits limits(RandomResp& random) {
  RequestLimits chosen;
  if (random.oneIn(2)) return chosen;
  chosen.maxBulkBytes = random.below(30);
  chosen.maxInlineBytes = random.below(40);
  chosen.maxArguments = random.below(6);
  chosen.maxRequestBytes = random.below(100);
  chosen.authenticated = random.oneIn(2);
  return chosen;
}

}  // namespace

TEST_CASE("No bytes from a client crash the request parser, and how they are cut changes nothing") {
  RandomResp random(seed());
  std::size_t taken = 0;
  std::size_t refused = 0;
  for (std::size_t round = 0; round < kSequences; ++round) {
    const std::string stream = sequence(random, requests);
    const RequestLimits chosen = limits(random);
    const ParsedStream expected = slotless::test::parseAtOnce(stream, chosen);
    slotless::test::StreamParser parser(chosen);
    inRandomPieces(random, stream, [&](std::string_view piece) { parser.feed(piece); });
    if (!expected.broken.empty() || !(parser.found() == expected) ||
        !forwardsOnlyCanonical(expected, stream)) {
      CAPTURE(round, stream);
      REQUIRE(forwardsOnlyCanonical(expected, stream));
      REQUIRE(expected.broken.empty());
      REQUIRE(parser.found() == expected);
    }
    taken += expected.requests.size();
    if (!expected.error.empty()) ++refused;
  }
  std::cout << taken << " requests, " << refused << " errors in " << kSequences << " sequences" << std::endl;
  CHECK(taken > kSequences / 4);
  CHECK(refused > kSequences / 10);
}

TEST_CASE("No bytes from a node crash the reply scanner, and it judges them as the reference decoder does") {
  RandomResp random(seed());
  std::size_t taken = 0;
  std::size_t refused = 0;
  for (std::size_t round = 0; round < kSequences; ++round) {
    const std::string stream = sequence(random, replies);
    const ScannedStream atOnce = slotless::test::scanSplitAt(stream, 0);
    slotless::test::StreamScanner scanner;
    inRandomPieces(random, stream, [&](std::string_view piece) { scanner.feed(piece); });
    const ScannedStream reference = slotless::test::decodeByReference(stream);
    if (atOnce.consumedTooMuch || !(scanner.found() == atOnce) || !(atOnce == reference)) {
      CAPTURE(round, stream);
      REQUIRE_FALSE(atOnce.consumedTooMuch);
      REQUIRE(scanner.found() == atOnce);
      REQUIRE(atOnce == reference);
    }
    taken += atOnce.replies.size();
    if (atOnce.failed) ++refused;
  }
  std::cout << taken << " replies, " << refused << " errors in " << kSequences << " sequences" << std::endl;
  CHECK(taken > kSequences / 4);
  CHECK(refused > kSequences / 10);
}
