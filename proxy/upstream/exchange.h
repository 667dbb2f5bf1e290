// The receiving side of one request on a link.
#pragma once
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/net/byte_chain.h"

namespace slotless::upstream {

// The bytes of a request as they were put on a link. They stay there until the reply has come, so that a
// redirected or unsent request can go another way without ever having been copied before. Valid during the
// call that passes it.
class SentRequest {
 public:
  SentRequest(const net::ByteChain& chain, std::size_t offset, std::size_t length) noexcept
      : chain_(chain), offset_(offset), length_(length) {}
  std::size_t size() const noexcept { return length_; }
  // Without its first `skip` bytes.
  void copyTo(net::ByteChain& out, std::size_t skip = 0) const {
    chain_.copyTo(out, offset_ + skip, length_ - skip);
  }
  // At most `bytes` of what follows its first `skip`; fewer if they lie in many pieces.
  std::string beginning(std::size_t bytes, std::size_t skip = 0) const {
    std::array<iovec, 8> pieces;
    const std::size_t count = chain_.gather(pieces, offset_ + skip);
    std::string text;
    for (std::size_t i = 0; i < count; ++i)
      text.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
    text.resize(std::min({text.size(), bytes, length_ - skip}));
    return text;
  }
  // Only its beginning.
  void copyBeginning(net::ByteChain& out, std::size_t bytes) const {
    chain_.copyTo(out, offset_, bytes < length_ ? bytes : length_);
  }

 private:
  const net::ByteChain& chain_;
  std::size_t offset_;
  std::size_t length_;
};

enum class Loss : unsigned char {
  Unsent,  // not all of its bytes left: no node can have run it
  Sent,    // it may have been run
  Late,    // the same, and may be running still: the link stands, and will throw the reply away
};

class Exchange {
 public:
  // Bytes of a reply that is no error, as they arrive; `last` with the final piece.
  virtual void onReply(std::string_view bytes, bool last) = 0;
  // In place of a large reply's first piece; `left`: what is still to come. True: it is not wanted here, and
  // the link throws it away; no further call follows.
  virtual bool declines(std::uint64_t left, const SentRequest& request) {
    static_cast<void>(left);
    static_cast<void>(request);
    return false;
  }
  // Its reply is so large that those behind it on the link wait for it. Once, before the end of the reply.
  virtual void onLargeReply(const SentRequest& request) { static_cast<void>(request); }
  // One of the replies that come before the request's own (MULTI's and QUEUED's) is an error.
  virtual void onPreludeError(std::string_view line) { static_cast<void>(line); }
  // An error reply, the whole line with '-' and CRLF.
  virtual void onErrorReply(std::string_view line, const SentRequest& request) = 0;
  // There is no reply, or not the whole of it. No further call follows.
  virtual void onLost(Loss loss, const SentRequest& request) = 0;

 protected:
  ~Exchange() = default;
};

}  // namespace slotless::upstream
