// Replies that the proxy makes itself, but not at once: the request takes its place among the client's
// pending ones and is completed later. A client that leaves meanwhile makes no difference to who completes
// it.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/commands/local_commands.h"
#include "proxy/dispatch/request.h"
#include "proxy/session/client.h"
#include "proxy/session/worker_poll.h"

namespace slotless::session {

// The call gives no reply of its own; finishLate() has to be called once, on this worker's thread, and not
// before the call has returned. Inside EXEC only for what is Behind (see local_commands.h).
Request& replyLater(LocalCall& call);
void finishLate(Services& services, Request& request, std::string_view reply);

// The reply is made of every worker's part. `compose` is not called if the client has left.
template <typename Part>
void replyFromWorkers(
    LocalCall& call, AskWorker<Part> ask,
    std::function<void(std::vector<Part> parts, Client& client, std::string& out)> compose) {
  Services* services = &call.services;
  Request* request = &replyLater(call);
  askWorkers<Part>(call.services, std::move(ask), [=](std::vector<Part> parts) {
    std::string reply;
    if (request->client != nullptr) compose(std::move(parts), clientOf(*request), reply);
    finishLate(*services, *request, reply);
  });
}

}  // namespace slotless::session
