// Runs the request parser over a stream that arrives in pieces, and says what it found: to compare ways of
// cutting.
#pragma once
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "exact_buffer.h"
#include "protocol/request_parser.h"

namespace slotless::test {

struct ParsedStream {
  struct Request {
    std::vector<std::string> argv;  // none: an empty request
    std::size_t size;
    bool isInline;
    friend bool operator==(const Request&, const Request&) = default;
  };
  std::vector<Request> requests;
  std::string error;       // empty if there was none
  std::size_t unused = 0;  // bytes that are no whole request yet; 0 after an error
  std::string broken;      // the promise of the interface that was not kept
  friend bool operator==(const ParsedStream&, const ParsedStream&) = default;
  friend std::ostream& operator<<(std::ostream& out, const ParsedStream& stream) {
    for (const Request& request : stream.requests) {
      out << (request.isInline ? "inline(" : "request(");
      for (const std::string& argument : request.argv) out << "'" << argument << "' ";
      out << ")@" << request.size << " ";
    }
    return out << "unused " << stream.unused << " error '" << stream.error << "' " << stream.broken;
  }
};

// Feeds pieces to one parser, the way a client's buffer does: all of the request so far, at a new address
// each time.
class StreamParser {
 public:
  explicit StreamParser(const protocol::RequestLimits& limits) : limits_(limits) {}

  void feed(std::string_view piece) {
    if (!found_.error.empty()) return;
    pending_ += piece;
    const ExactBuffer buffer(pending_);
    std::string_view rest = buffer.view();
    while (takeOne(rest)) {
    }
    pending_.erase(0, pending_.size() - rest.size());
    found_.unused = found_.error.empty() ? pending_.size() : 0;
  }
  const ParsedStream& found() const { return found_; }

 private:
  // False if there is nothing more to take.
  bool takeOne(std::string_view& rest) {
    using Status = protocol::RequestParser::Status;
    if (rest.empty()) {
      if (!parser_.idle()) found_.broken = "not idle between requests";
      return false;
    }
    const Status status = parser_.parse(rest, limits_);
    if (status == Status::Error) {
      found_.error = parser_.error();
      if (found_.error.empty()) found_.broken = "an error without a text";
      return false;
    }
    if (status == Status::NeedMore) {
      needed_ = parser_.bytesNeeded();
      if (needed_ <= rest.size()) found_.broken = "needs bytes that are there";
      if (parser_.idle()) found_.broken = "idle within a request";
      return false;
    }
    if (parser_.size() == 0 || parser_.size() > rest.size()) {
      found_.broken = "took bytes that are not there";
      return false;
    }
    if (parser_.size() < needed_) found_.broken = "asked for more bytes than it needed";
    ParsedStream::Request request{{}, parser_.size(), parser_.isInline()};
    if (status == Status::Complete) request.argv.assign(parser_.argv().begin(), parser_.argv().end());
    if (status == Status::Complete && request.argv.empty()) found_.broken = "complete without a command";
    found_.requests.push_back(std::move(request));
    rest.remove_prefix(parser_.size());
    parser_.next();
    needed_ = 0;
    return true;
  }

  protocol::RequestLimits limits_;
  protocol::RequestParser parser_;
  ParsedStream found_;
  std::string pending_;
  std::size_t needed_ = 0;
};

inline ParsedStream parseAtOnce(std::string_view stream, const protocol::RequestLimits& limits = {}) {
  StreamParser parser(limits);
  parser.feed(stream);
  return parser.found();
}

inline ParsedStream parseSplitAt(std::string_view stream, std::size_t at,
                                 const protocol::RequestLimits& limits = {}) {
  StreamParser parser(limits);
  parser.feed(stream.substr(0, at));
  parser.feed(stream.substr(at));
  return parser.found();
}

inline ParsedStream parseByteByByte(std::string_view stream, const protocol::RequestLimits& limits = {}) {
  StreamParser parser(limits);
  for (std::size_t i = 0; i < stream.size(); ++i) parser.feed(stream.substr(i, 1));
  return parser.found();
}

}  // namespace slotless::test
