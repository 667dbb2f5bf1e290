// Bytes of a node. The first says how they are cut; the reference decoder says what is right.
#include "scanned_stream.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using slotless::fuzz::require;
  std::string_view input = slotless::fuzz::textOf(data, size);
  const std::size_t piece = 1 + slotless::fuzz::takeByte(input) % 64;
  const slotless::test::ScannedStream whole = slotless::test::scanSplitAt(input, 0);
  slotless::test::StreamScanner scanner;
  for (std::size_t at = 0; at < input.size(); at += piece) scanner.feed(input.substr(at, piece));
  require(!whole.consumedTooMuch, "no byte is taken that is not there");
  require(scanner.found() == whole, "how it is cut changes nothing");
  require(whole == slotless::test::decodeByReference(input), "the reference decoder finds the same");
  return 0;
}
