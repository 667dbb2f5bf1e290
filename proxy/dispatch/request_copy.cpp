#include "proxy/dispatch/request_copy.h"

#include <vector>

#include "protocol/encoder.h"

namespace slotless::session {

RequestCopy::RequestCopy(const net::ByteChain& bytes) : bytes_(bytes.toString()) {
  parse();
}

RequestCopy::RequestCopy(const upstream::SentRequest& sent, net::BlockPool& pool) {
  net::ByteChain chain(pool);
  sent.copyTo(chain);
  bytes_ = chain.toString();
  parse();
}

void RequestCopy::parse() {
  complete_ = parser_.parse(bytes_, {}) == protocol::RequestParser::Status::Complete;
}

void encodeWithKeys(protocol::Argv argv, std::span<const std::uint32_t> positions, std::uint32_t stride,
                    std::string& out) {
  out.clear();
  protocol::appendRequestOf(out, 1 + positions.size() * stride, [&](const auto& visit) {
    visit(argv[0]);
    for (const std::uint32_t position : positions) {
      for (std::uint32_t i = 0; i < stride; ++i) visit(argv[position + i]);
    }
  });
}

}  // namespace slotless::session
