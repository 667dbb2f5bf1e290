// Finds a way to a node: looks its name up and connects to its addresses, one after the other, until one of
// them answers; with TLS, until one has proven to be the node.
//
// The name stays known, also once an address has been found: it is what the node has to prove to be.
// Ownership: one attempt at a time; the stream that is connecting is the dialler's, and whoever dials
// observes it from the beginning, as it will be his. Errors: as texts, the last address's.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/net/loop.h"
#include "proxy/upstream/access.h"

namespace slotless::upstream {

class Dialler {
 public:
  // Never called from within dial().
  class Owner {
   public:
    virtual void onDialled(std::unique_ptr<net::Stream> stream) = 0;
    virtual void onDialFailed(std::string_view reason) = 0;

   protected:
    ~Owner() = default;
  };

  Dialler(net::Loop& loop, net::Address node, net::Stream::Observer& streams, Owner& owner);

  const net::Address& node() const noexcept { return node_; }
  // `patience`: for the name; how long an address may take the owner knows. `attempt`: which of the addresses
  // comes first, so that each gets its turn. `access`: whether by TLS, with what is current then.
  void dial(net::Millis patience, std::size_t attempt, const Access& access);
  // Nobody is called any more.
  void cancel();
  // Why an address of this attempt was not to be reached; empty: none has refused.
  const std::string& failure() const noexcept { return failure_; }
  // The observer hands on what it is told while this dials.
  void onWritable();

 private:
  void connectToNext(std::string_view lastError);
  std::unique_ptr<net::Stream> connectTo(const net::Address& numeric, int& error);

  net::Loop& loop_;
  const net::Address node_;
  net::Stream::Observer& streams_;
  Owner& owner_;
  std::unique_ptr<net::LookUp> lookUp_;
  std::vector<std::string> hosts_;  // numeric, not tried yet; the next one last
  std::unique_ptr<net::Stream> stream_;
  net::TlsContextPtr tls_;  // of this attempt
  std::string provenName_;
  net::Millis patience_{0};
  std::string failure_;
  std::unique_ptr<net::Timer> teller_;  // of a failure; made when it is first needed
};

}  // namespace slotless::upstream
