// Whether the servers are in no cluster: a fact of the process, which has one upstream.
//
// There a server that has become a replica redirects nobody, and what it has for readers may be old. So
// connections for requests to a master ask for its role first, and are not made where it has another one.
// Any thread.
#pragma once

namespace slotless::upstream {

void setOutsideCluster(bool outside) noexcept;
bool isOutsideCluster() noexcept;

}  // namespace slotless::upstream
