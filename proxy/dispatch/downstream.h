// The client of requests under way: who gets their replies, in which order, and what is kept of it for that.
//
// Ownership: a client never destroys itself; a request outlives it (Request::client is nullptr then). What
// every request reads or writes is here and not behind a virtual function.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "proxy/dispatch/holding.h"
#include "proxy/dispatch/pending_list.h"
#include "proxy/net/address/address.h"
#include "proxy/upstream/link_set.h"

namespace slotless::session {

class Leases;

class Downstream {
 public:
  Downstream(std::uint64_t id, upstream::LinkSet& connections) noexcept : upstream(&connections), id_(id) {}
  Downstream(const Downstream&) = delete;
  Downstream& operator=(const Downstream&) = delete;

  // Bytes of the reply: to the client if it is this request's turn, else they wait.
  virtual void deliver(Request& request, std::string_view bytes) = 0;
  // Forgets reply bytes that have not been given to the client.
  virtual void discardWaiting(Request& request) = 0;
  virtual void onRequestDone(Request& request) = 0;
  // At once. What is pending is given up at the end of the turn.
  virtual void close(std::string_view reason) = 0;
  // As soon as what was asked before it has been answered. It gets no reply, nor does what follows it.
  virtual void closeBehind(Request& request) = 0;
  // A reason not to take its next request may be gone …
  virtual void takeMore() = 0;
  // … or this one, that a request is taken up in pieces.
  virtual void releaseInput() = 0;
  // So much more is not to be collected for it, if there is another way.
  virtual bool overfills(std::uint64_t bytes) const = 0;
  // More of a reply will come, on a connection that can be paused. True: it is, until there is room.
  virtual bool awaitRoom() = 0;
  // For the logs.
  struct Identity {
    std::string address;
    std::string name;
  };
  virtual Identity identity() const = 0;
  virtual Leases& leases() noexcept = 0;

  std::uint64_t id() const noexcept { return id_; }
  PendingList& pending() noexcept { return pending_; }
  const PendingList& pending() const noexcept { return pending_; }
  // The request behind which it is closed; nullptr: it is not.
  const Request* lastWord() const noexcept { return lastWord_; }
  // For Holding.
  Held& held() noexcept { return held_; }
  const Held& held() const noexcept { return held_; }
  // For Agenda.
  std::uint8_t& agendaBits() noexcept { return agendaBits_; }
  // So much more is held for one of its pending requests, until that is over.
  void charge(Request& request, std::size_t bytes) noexcept {
    request.charged += bytes;
    charged_ += bytes;
  }

  // A master that it has written to, and the topology's version at the first of these writes.
  struct Written {
    net::Address node;
    std::uint64_t since;
    std::uint64_t link;  // Link::serial() of the last of them
  };
  // For WAIT.
  const std::vector<Written>& writtenTo() const noexcept { return writtenTo_; }
  bool hasWrittenTo(const net::Address& node) const noexcept {
    return std::any_of(writtenTo_.begin(), writtenTo_.end(),
                       [&](const Written& each) { return each.node == node; });
  }
  void noteWriteTo(const upstream::Link& link, const cluster::Topology& topology) {
    for (const Written& each : writtenTo_) {
      if (each.link == link.serial()) return;
    }
    noteFirstWriteOn(link, topology.version);
  }
  // Forgets the writes of which `gone` is true. False: there were none.
  template <typename Gone>
  bool forgetWrites(Gone gone) {
    return std::erase_if(writtenTo_, gone) > 0;
  }

  // Its connection is closed.
  bool hasLeft() const noexcept { return left_; }

  // By which its requests go. Changes only while nothing is pending.
  upstream::LinkSet* upstream;
  int protocol = 2;
  // Its values are large: they go by links of their own, lest small ones of others wait behind them. Or it
  // goes round a link that is occupied (giving_way.h). Changes only while nothing is pending.
  bool bulk = false;
  upstream::LinkPool& links() noexcept { return upstream->shared(protocol, bulk); }
  config::ReadFrom readFrom = config::ReadFrom::Master;
  // nullopt: as for all.
  std::optional<config::WriteOnLostLink> writeOnLostLink;
  std::optional<config::CrossSlotTransactions> crossSlotTransactions;
  // For the order of requests, see LegSender: the topology that all pending legs were sent by …
  std::uint64_t routedVersion = 0;
  // … unless some of them went another way.
  bool detoured = false;

 protected:
  ~Downstream() = default;
  void setLeft() noexcept { left_ = true; }
  Request& popPending() noexcept {
    Request& first = pending_.pop();
    charged_ -= first.charged;
    first.charged = 0;
    return first;
  }
  std::size_t charged() const noexcept { return charged_; }
  // False: there is one before it already.
  bool setLastWord(Request& request) noexcept {
    for (const Request* each = pending_.head(); each != &request; each = each->next) {
      if (each == lastWord_) return false;
    }
    lastWord_ = &request;
    return true;
  }

 private:
  void noteFirstWriteOn(const upstream::Link& link, std::uint64_t topologyVersion) {
    const auto found = std::find_if(writtenTo_.begin(), writtenTo_.end(),
                                    [&](const Written& each) { return each.node == link.node(); });
    if (found != writtenTo_.end()) {
      found->link = link.serial();
    } else {
      writtenTo_.push_back({link.node(), topologyVersion, link.serial()});
    }
  }

  const std::uint64_t id_;
  std::uint8_t agendaBits_ = 0;
  bool left_ = false;
  PendingList pending_;
  std::size_t charged_ = 0;  // what its pending requests are charged for
  Held held_;
  Request* lastWord_ = nullptr;  // of pending_, see closeBehind()
  std::vector<Written> writtenTo_;
};

}  // namespace slotless::session
