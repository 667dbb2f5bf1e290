// Requests read back from the bytes that were sent, and written anew with other arguments.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "protocol/argv.h"
#include "protocol/request_parser.h"
#include "proxy/net/byte_chain.h"
#include "proxy/upstream/exchange.h"

namespace slotless::session {

// The one request that some bytes hold, with its own copy of them. Not movable: the arguments point into it.
class RequestCopy {
 public:
  explicit RequestCopy(const net::ByteChain& bytes);
  RequestCopy(const upstream::SentRequest& sent, net::BlockPool& pool);
  RequestCopy(const RequestCopy&) = delete;
  RequestCopy& operator=(const RequestCopy&) = delete;

  // False: the bytes hold something else, a transaction for example, and there are no arguments.
  bool complete() const noexcept { return complete_; }
  protocol::Argv argv() const noexcept { return parser_.argv(); }

 private:
  void parse();

  std::string bytes_;
  protocol::RequestParser parser_;
  bool complete_ = false;
};

// The command with some of its keys only, and what belongs to each: `stride` arguments from each of
// `positions`.
void encodeWithKeys(protocol::Argv argv, std::span<const std::uint32_t> positions, std::uint32_t stride,
                    std::string& out);

}  // namespace slotless::session
