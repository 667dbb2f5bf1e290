// The far end of a stream, as a test sees it: what a node or a client does to its connection with the proxy.
//
// Ownership: shared by the FakeLoop, the proxy's FakeStream and the test; outlives the stream, so that a test
// can look at what was written to a connection that is closed by now. Nothing happens inside these calls: the
// proxy hears of it at the loop's next turn (FakeLoop::settle).
#pragma once
#include <sys/uio.h>

#include <cerrno>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/net/loop.h"

namespace slotless::test {

class FakeConnection {
 public:
  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

  FakeConnection(net::Address peer, bool connecting, int descriptor, net::Stream::Observer& observer)
      : peer_(std::move(peer)), descriptor_(descriptor), connecting_(connecting), observer_(&observer) {}

  // --- a connection that the proxy has begun to make ---
  void accept() { settled_ = true; }
  void refuse(int error = ECONNREFUSED) {
    connectError_ = error;
    settled_ = true;
  }
  // Neither accepted nor refused yet.
  bool connecting() const noexcept { return connecting_ && !settled_; }

  // --- what the far end does ---
  // Bytes for the proxy to read.
  void push(std::string_view bytes) { input_ += bytes; }
  // End of stream, behind the bytes that were pushed.
  void end() { ended_ = true; }
  // All reads and writes fail from now on; what was pushed and not read is lost, as after a TCP RST.
  void reset(int error = ECONNRESET);
  // The same, but that what was pushed before can still be read, as when a node dies with its last word said.
  void breakOff(int error = ECONNRESET) { error_ = error; }
  // How many more bytes the proxy can write before it would block.
  void setWriteCapacity(std::size_t bytes) { writeCapacity_ = bytes; }
  // All that has come is taken in with the first read and held by the stream itself: no event tells of it.
  void holdBack(bool on) { holdsBack_ = on; }
  // So much of what was written is still with the stream itself; it can be written to again when that is 0.
  void setUnsent(std::size_t bytes) { unsent_ = bytes; }
  // The most that one call transfers.
  void setReadChunk(std::size_t bytes) { readChunk_ = bytes; }
  void setWriteChunk(std::size_t bytes) { writeChunk_ = bytes; }

  // --- what the proxy has done ---
  // All that was written and not taken yet.
  const std::string& written() const noexcept { return output_; }
  std::string takeWritten() { return std::exchange(output_, {}); }
  // The proxy has destroyed its stream.
  bool closed() const noexcept { return closed_; }
  bool watchesReadable() const noexcept { return readable_; }
  bool watchesWritable() const noexcept { return writable_; }
  // Pushed, and not read yet.
  std::size_t unread() const noexcept { return input_.size(); }
  std::size_t readCalls() const noexcept { return readCalls_; }
  std::size_t writeCalls() const noexcept { return writeCalls_; }
  const net::Address& peer() const noexcept { return peer_; }
  // Of a connection that the proxy makes: where the far end sees it come from.
  const net::Address& nearEnd() const noexcept { return near_; }
  // What to hand to adopt(); -1 for a connection that the proxy makes.
  int descriptor() const noexcept { return descriptor_; }

 private:
  friend class FakeStream;
  friend class FakeLoop;

  bool wantsRead() const noexcept;
  bool wantsWrite() const noexcept;
  net::IoResult read(char* into, std::size_t capacity);
  net::IoResult readHeld(char* into, std::size_t capacity);
  net::IoResult write(std::span<const iovec> pieces);

  net::Address peer_;
  net::Address near_;
  int descriptor_;
  bool connecting_;
  net::Stream::Observer* observer_;
  bool settled_ = false;
  int connectError_ = 0;
  std::string input_;
  bool holdsBack_ = false;
  std::string held_;
  bool reminded_ = false;
  std::size_t unsent_ = 0;
  bool ended_ = false;
  int error_ = 0;
  std::string output_;
  std::size_t writeCapacity_ = kUnlimited;
  std::size_t readChunk_ = kUnlimited;
  std::size_t writeChunk_ = kUnlimited;
  std::size_t readCalls_ = 0;
  std::size_t writeCalls_ = 0;
  bool readable_ = false;
  bool writable_ = false;
  bool closed_ = false;
};

}  // namespace slotless::test
