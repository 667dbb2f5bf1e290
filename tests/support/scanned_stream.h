// Runs the reply scanner over a stream that is cut into pieces, and says what it found: to compare ways of
// cutting.
#pragma once
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "exact_buffer.h"
#include "protocol/reply_scanner.h"
#include "reference_decoder.h"

namespace slotless::test {

struct ScannedStream {
  struct Reply {
    std::size_t end;  // offset in the stream
    char type;
    friend bool operator==(const Reply&, const Reply&) = default;
  };
  std::vector<Reply> replies;
  bool failed = false;
  bool idle = true;              // the stream ended between two replies
  bool consumedTooMuch = false;  // more than was shown, or less than all before NeedMore
  friend bool operator==(const ScannedStream&, const ScannedStream&) = default;
  friend std::ostream& operator<<(std::ostream& out, const ScannedStream& stream) {
    for (const Reply& reply : stream.replies) out << reply.type << "@" << reply.end << " ";
    return out << (stream.failed ? "failed"
                   : stream.idle ? "idle"
                                 : "partial")
               << (stream.consumedTooMuch ? " CONSUMED WRONGLY" : "");
  }
};

// Feeds pieces to one scanner.
class StreamScanner {
 public:
  void feed(std::string_view piece) {
    const ExactBuffer buffer(piece);
    std::string_view rest = buffer.view();
    while (!rest.empty() && !found_.failed) {
      const auto result = scanner_.scan(rest);
      using Status = protocol::ReplyScanner::Status;
      const bool all = result.consumed == rest.size();
      if (result.consumed > rest.size() || (result.status == Status::NeedMore && !all)) {
        found_.consumedTooMuch = true;
        return;
      }
      offset_ += result.consumed;
      rest.remove_prefix(result.consumed);
      if (result.status == Status::Error) found_.failed = true;
      if (result.status == Status::Complete) {
        found_.replies.push_back({offset_, scanner_.type()});
        scanner_.reset();
      }
    }
    found_.idle = scanner_.idle();
  }
  const ScannedStream& found() const { return found_; }

 private:
  protocol::ReplyScanner scanner_;
  ScannedStream found_;
  std::size_t offset_ = 0;
};

inline ScannedStream scanSplitAt(std::string_view stream, std::size_t at) {
  StreamScanner scanner;
  scanner.feed(stream.substr(0, at));
  scanner.feed(stream.substr(at));
  return scanner.found();
}

inline ScannedStream scanByteByByte(std::string_view stream) {
  StreamScanner scanner;
  for (std::size_t i = 0; i < stream.size(); ++i) scanner.feed(stream.substr(i, 1));
  return scanner.found();
}

// The same, as the reference decoder sees it.
inline ScannedStream decodeByReference(std::string_view stream) {
  ScannedStream found;
  std::size_t offset = 0;
  while (offset < stream.size()) {
    const auto reply = ReferenceDecoder::decode(stream.substr(offset));
    if (reply.verdict != ReferenceDecoder::Verdict::Complete) {
      found.failed = reply.verdict == ReferenceDecoder::Verdict::Invalid;
      found.idle = false;
      break;
    }
    offset += reply.size;
    found.replies.push_back({offset, reply.type});
  }
  return found;
}

}  // namespace slotless::test
