// What others serve by way of this server (pods, services and nodes behind their proxies, other API
// servers) is of this server's origin to a browser, and so of the console's. A page among it could
// ask for everything as whoever looks at it, by the client certificate that his browser shows, and
// read what the console keeps in that tab. Pure.
#pragma once

#include "http/message.h"

namespace skiff {

// Whether a browser asks, and not by a proxy on its own machine: what `kubectl proxy` shows is of
// an origin that has no certificate, and whose pages are that user's own matter.
bool IsFromBrowser(const http::Request& request);

// Makes an origin of its own of what is shown: it may run, but is nobody to this server.
void KeepApart(http::Response& response);

}  // namespace skiff
