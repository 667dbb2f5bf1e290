// Which page of the admin server answers a request, and with what: no sockets here.
#pragma once
#include <string>
#include <string_view>

#include "proxy/telemetry/admin_http.h"
#include "proxy/telemetry/admin_site.h"

namespace slotless::telemetry {

// A page that throws is a 500, for no exception may end the server.
AdminResponse respondTo(const AdminPages& pages, const AdminRequest& request) noexcept;
// Whether the page takes its time: then it is made where nobody waits for it.
bool isSlow(const AdminPages& pages, std::string_view path) noexcept;
// To what is no HTTP request, or one that is too long.
AdminResponse badRequest();
AdminResponse tooLarge();
AdminResponse tooManyStreams();
// Head and body as sent; the head alone for HEAD.
std::string httpText(const AdminResponse& response, std::string_view method);

}  // namespace slotless::telemetry
