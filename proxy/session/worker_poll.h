// Asks every worker for something, by their mailboxes, and goes on when all answers are in.
//
// Threads: `ask` runs on each worker's thread and must carry nothing that belongs to the asking one but plain
// values; `finish` runs on the asking worker's thread, never before askWorkers() has returned. It is
// destroyed on any thread.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "proxy/session/services.h"

namespace slotless::session {

template <typename Part>
using AskWorker = std::function<Part(Services& services, std::size_t worker)>;
// The answers in the order of the workers.
template <typename Part>
using FinishPoll = std::function<void(std::vector<Part> parts)>;

// As AskWorker, for what takes its time: gives its part to `done` once, on the same thread.
template <typename Part>
using AskWorkerLater =
    std::function<void(Services& services, std::size_t worker, std::function<void(Part)> done)>;

template <typename Part>
void askWorkersLater(Services& asking, AskWorkerLater<Part> ask, FinishPoll<Part> finish) {
  struct Poll {
    std::vector<Part> parts;
    std::size_t missing;
    FinishPoll<Part> finish;
  };
  // Touched by the asking worker's thread only, and that has other things to do until this function has
  // returned.
  auto poll = std::make_shared<Poll>(Poll{{}, 0, std::move(finish)});
  Services* home = &asking;
  net::Loop* mailbox = &asking.host.loop;
  poll->missing = asking.control.tellWorkers([=](Services& there, std::size_t worker) {
    ask(there, worker, [=](Part part) {
      auto kept = std::make_shared<Part>(std::move(part));
      mailbox->post([=] {
        home->host.touch();
        if (poll->parts.size() <= worker) poll->parts.resize(worker + 1);
        poll->parts[worker] = std::move(*kept);
        if (--poll->missing == 0) poll->finish(std::move(poll->parts));
      });
    });
  });
}

template <typename Part>
void askWorkers(Services& asking, AskWorker<Part> ask, FinishPoll<Part> finish) {
  askWorkersLater<Part>(
      asking,
      [ask = std::move(ask)](Services& there, std::size_t worker, const std::function<void(Part)>& done) {
        done(ask(there, worker));
      },
      std::move(finish));
}

}  // namespace slotless::session
