// TLS on top of another stream, for both directions: to its observer a stream like any other, which becomes
// writable when the handshake is over.
//
// OpenSSL only turns bytes into bytes here; the stream below does the reading and writing, so nothing blocks
// and nothing is read that nobody wants. Errors: whatever goes wrong, the handshake's deadline included, is
// the error of the next connectError(), read() or write(), and describe() has the text; there is no way on
// without encryption. The end: a peer's close_notify is the end of the stream, as is its silent end, since
// RESP tells by itself whether something is missing; ours is sent when the stream is destroyed, as far as it
// goes at once. Written bytes are counted as written when they are encrypted, at most kMostAhead of them
// before they leave.
#pragma once
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>

#include "proxy/net/loop.h"
#include "proxy/net/relayed_stream.h"
#include "proxy/net/tls_context.h"

namespace slotless::net {

// What TLS itself finds wrong: errno has no number for it, and describe() the words.
inline constexpr int kTlsError = EPROTO;

// Of a connection whose handshake is over.
struct TlsFacts {
  std::string version;  // "TLSv1.3"
  std::string cipher;
  bool resumed = false;
};

class TlsStream : public Stream {
 public:
  // A connection to `numeric`, to whoever can prove to be `name`: the host that was dialled, which may be the
  // numeric one. nullptr: refused at once, `error` says why (errno). `patience`: for connection and
  // handshake.
  static std::unique_ptr<TlsStream> connect(Loop& loop, TlsContextPtr context, const std::string& name,
                                            const Address& numeric, Observer& observer, Millis patience,
                                            int& error);
  // An accepted socket, whose reading is watched. nullptr: it cannot be polled; the descriptor is closed.
  static std::unique_ptr<TlsStream> adopt(Loop& loop, TlsContextPtr context, int descriptor,
                                          Observer& observer, Millis patience);

  // On a connection that stands, and of which nothing of the handshake has been read.
  static std::unique_ptr<TlsStream> adopt(Loop& loop, TlsContextPtr context,
                                          std::unique_ptr<RelayedStream> below, Observer& observer,
                                          Millis patience);

  // Empty before the end of the handshake.
  virtual TlsFacts facts() const = 0;
};

}  // namespace slotless::net
