// One connection to a node, from its name to the first answer and on to its end: dials, says what is said
// first (Handshake), then passes bytes both ways and does not look into them.
//
// Everything that talks to a node does it on one of these: shared links, leases, feeds, probes, queries.
// Ownership: its owner's; may be closed or destroyed inside of every call to the owner. Errors: as texts,
// once, with onConnectionLost(); what had been written and was not answered the owner knows.
//
// Reading: bytes that the stream holds back itself, as TLS does when it has decrypted more than there was
// room for, are read at once, a few pieces a turn, and then in the next turn; nothing waits for the poll to
// tell of them.
#pragma once
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "proxy/net/byte_chain.h"
#include "proxy/net/loop.h"
#include "proxy/telemetry/worker_metrics.h"
#include "proxy/upstream/dialler.h"
#include "proxy/upstream/handshake.h"

namespace slotless::upstream {

class Connection final : private net::Stream::Observer, private Dialler::Owner {
 public:
  class Owner {
   public:
    // It stands; the handshake begins. Must not close it.
    virtual void onGreeting() {}
    // The node has been greeted: what is written from now on is the owner's.
    virtual void onConnectionUp() = 0;
    // Valid during the call.
    virtual void onBytes(std::string_view bytes) = 0;
    // What write() has left may be tried again.
    virtual void onRoom() = 0;
    // It could not be made, or has come to its end; it is closed. Never from within open() or write().
    virtual void onConnectionLost(std::string_view reason) = 0;

   protected:
    ~Owner() = default;
  };

  // `scratch`: room for one read, which others may use in between. `traffic`: where bytes are counted;
  // nullptr: nowhere.
  Connection(net::Loop& loop, std::string& scratch, net::Address node, telemetry::NodeMetrics* traffic,
             Owner& owner);
  ~Connection();

  // As it was dialled, a name as a name.
  const net::Address& node() const noexcept { return dialler_.node(); }
  // To where it stands, by its number; no host: it does not.
  net::Address peer() const { return stream_ == nullptr ? net::Address{} : stream_->peer(); }
  bool isClosed() const noexcept { return stage_ == Stage::Closed; }
  bool isUp() const noexcept { return stage_ == Stage::Up; }

  // Requires isClosed(). `patience`: until it is up. `attempt`: see Dialler::dial().
  void open(Handshake handshake, net::Millis patience, std::size_t attempt = 0);
  // Without telling anybody.
  void close();

  struct Written {
    std::size_t bytes = 0;
    // 0: there is no error, or one that reading will come upon, behind what the node has said before.
    int error = 0;
    bool broken = false;
  };
  // What `output` has behind its first `from` bytes, as much as goes, but stops beyond `most`: others get
  // their turn in between. onRoom() follows if any is left. Requires isUp().
  Written write(const net::ByteChain& output, std::size_t from, std::size_t most);
  // The same for bytes in one piece.
  Written write(std::string_view output) { return send(output); }
  // The text for an error of write(). Requires isUp().
  std::string describe(int error) const;
  // While it is off, the node is left with what it has to say.
  void setReading(bool on);
  bool reading() const noexcept { return reading_; }
  // The most that is read at once; otherwise as much as the scratch has room for.
  void limitReads(std::size_t bytes) noexcept { readLimit_ = bytes; }
  // The node's number for it; 0: not asked for, or not told.
  std::int64_t nodeClientId() const noexcept { return greeting_.clientId; }
  // READONLY was to be said, and the node denies it.
  bool readOnlyDenied() const noexcept { return greeting_.readOnlyDenied; }
  // Of the latest handshake that was completed.
  const Greeting& greeting() const noexcept { return greeting_; }
  // During onConnectionLost(): the node takes none of the credentials.
  bool unauthorised() const noexcept { return unauthorised_; }
  // As Stream::encryption(); empty: it is closed, too.
  std::string encryption() const { return stream_ == nullptr ? std::string() : stream_->encryption(); }

 private:
  enum class Stage : std::uint8_t { Closed, Dialling, Greeting, Up };

  void onReadable() override;
  void onWritable() override;
  void onDialled(std::unique_ptr<net::Stream> stream) override;
  void onDialFailed(std::string_view reason) override;
  void onDeadline();
  void sendGreeting();
  void takeGreeting(std::string_view bytes);
  Written send(std::string_view output);
  bool put(std::span<const iovec> pieces, Written& total);
  void watch(const Written& written, bool isAll);
  void lose(std::string_view reason);

  net::Loop& loop_;
  std::string& scratch_;
  telemetry::NodeMetrics* const traffic_;
  Owner& owner_;
  Dialler dialler_;
  Stage stage_ = Stage::Closed;
  std::unique_ptr<net::Stream> stream_;
  // Until it is up.
  std::unique_ptr<net::Timer> deadline_;
  std::unique_ptr<Handshake> handshake_;
  std::size_t greeted_ = 0;  // bytes of the handshake that have left
  std::size_t readLimit_ = static_cast<std::size_t>(-1);
  Greeting greeting_;
  bool unauthorised_ = false;
  bool reading_ = true;
  bool writeWanted_ = false;
  // For whoever is in the middle of reading.
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slotless::upstream
