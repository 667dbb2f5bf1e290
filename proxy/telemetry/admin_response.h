// Which page of the admin server answers a request, and with what: no sockets here.
#pragma once
#include <string>
#include <string_view>

#include "proxy/telemetry/admin_http.h"

namespace slotless::telemetry {

struct AdminResponse {
  int status;
  std::string_view contentType;
  std::string body;
};

// `path` without the query. A page that throws is a 500, for no exception may end the server.
AdminResponse respondTo(const AdminPages& pages, std::string_view method, std::string_view path) noexcept;
// Whether the page takes its time: then it is made where nobody waits for it.
bool isSlow(std::string_view path) noexcept;
// To what is no HTTP request.
AdminResponse badRequest();
// Head and body as sent; the head alone for HEAD.
std::string httpText(const AdminResponse& response, std::string_view method);

}  // namespace slotless::telemetry
