// What the proxy needs of an event loop: time, timers, streams, name resolution, and a mailbox.
//
// Everything above this folder is written against these interfaces, so that a whole worker runs in tests over
// a fake transport and a fake clock. One thread runs a loop; all calls but post() belong to that thread.
// Ownership: what a function returns as unique_ptr belongs to the caller and may be destroyed at any time,
// its own callback included; the memory behind a libuv handle lives on until libuv has closed it.
#pragma once
#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "proxy/net/address/address.h"

namespace slotless::net {

using Millis = std::chrono::milliseconds;
using Micros = std::chrono::microseconds;
using TimePoint = std::chrono::steady_clock::time_point;

enum class IoStatus : std::uint8_t { Ok, WouldBlock, End, Failed };

struct IoResult {
  IoStatus status = IoStatus::Ok;
  std::size_t bytes = 0;
  int error = 0;  // errno or the stream's own, for Failed: see Stream::describe()
  // The stream itself holds more that can be read, and no event comes for it: see Stream::remind().
  bool more = false;
};

struct PeerNames;  // proxy/net/peer_names.h

// One connected (or connecting) byte stream, non-blocking.
class Stream {
 public:
  class Observer {
   public:
    // At most one of these is running for a stream. The stream may be destroyed inside.
    virtual void onReadable() = 0;
    virtual void onWritable() = 0;

   protected:
    ~Observer() = default;
  };

  virtual ~Stream() = default;
  // Which events to report from now on. Cheap if nothing changes. What the system holds is reported again and
  // again as long as it is there; what the stream itself holds (`more`), once when reading is watched again.
  virtual void watch(bool readable, bool writable) = 0;
  virtual IoResult read(char* into, std::size_t capacity) = 0;
  virtual IoResult write(std::span<const iovec> pieces) = 0;
  // For who has had enough of this turn, though the last read() said that there is `more`: onReadable() comes
  // in a later turn, as long as reading is watched.
  virtual void remind() {}
  // The text for an error of read(), write() or connectError().
  virtual std::string describe(int error) const { return std::strerror(error); }
  // After connect(), once writable: 0 if the connection stands, else the error.
  virtual int connectError() = 0;
  virtual const Address& peer() const = 0;
  // The near end, and its descriptor: for CLIENT LIST. Asks the system at each call.
  virtual Address local() const = 0;
  virtual int descriptor() const = 0;
  // Bytes that write() has taken and the system has not, for want of room: whoever closes loses them.
  virtual std::size_t unsent() const { return 0; }
  // No more is written, and the peer reads the end behind all that was. Reading goes on.
  virtual void endWriting() {}
  // Of the peer's certificate, once the handshake is over. nullptr: it has none, or none that was verified.
  virtual const PeerNames* peerNames() const { return nullptr; }
  // How it is encrypted, as "TLSv1.3/TLS_AES_256_GCM_SHA384"; empty: not at all, or not yet.
  virtual std::string encryption() const { return {}; }
};

class Timer {
 public:
  virtual ~Timer() = default;
  // Fires once, after `delay`; starting again replaces the earlier start.
  virtual void start(Millis delay) = 0;
  virtual void stop() = 0;
  virtual bool active() const = 0;
};

struct Resolution {
  std::vector<std::string> addresses;  // numeric, IPv4 before IPv6; empty: failed
  std::string error;
};

inline constexpr const char* kNoAnswerInTime = "no answer in time";

// A name that is being looked up. Destroyed, it takes the question back: there is no call any more.
class LookUp {
 public:
  virtual ~LookUp() = default;
};

class Loop {
 public:
  virtual ~Loop() = default;

  // Monotonic. Reads the clock at each call: callers keep the value for a batch of work.
  virtual TimePoint now() const = 0;
  virtual std::unique_ptr<Timer> makeTimer(std::function<void()> callback) = 0;
  // Begins to connect to a numeric address. nullptr: refused at once, `error` says why (errno).
  virtual std::unique_ptr<Stream> connect(const Address& address, Stream::Observer& observer, int& error) = 0;
  // Takes over an accepted socket.
  virtual std::unique_ptr<Stream> adopt(int descriptor, Stream::Observer& observer) = 0;
  // Calls back once, on this loop, never before resolve() has returned; after `patience` at the latest, with
  // an error. Numeric hosts are answered without a look-up.
  [[nodiscard]] virtual std::unique_ptr<LookUp> resolve(const std::string& host, Millis patience,
                                                        std::function<void(const Resolution&)> callback) = 0;
  // `callback` runs at the end of every turn, before the loop waits for events again.
  virtual void atTurnEnd(std::function<void()> callback) = 0;
  // Whether this turn has time for work that takes long and can wait for a later one, such as a step of a
  // handshake. Once in each turn it has.
  virtual bool hasTimeLeft() { return true; }
  // Runs `task` on this loop, in the order of posting. Callable from any thread.
  virtual void post(std::function<void()> task) = 0;
};

}  // namespace slotless::net
