// What other servers say of the versions that they answer for, read out of their own discovery.
// Pure: what they say is believed of their version alone, and only as far as it has the form of
// discovery. An answer of more than kRemoteValuesMax values is not read: they would take many times
// its text.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "api/gen/apidiscovery_v2.h"
#include "base/error.h"

namespace skiff {

inline constexpr size_t kRemoteValuesMax = 200'000;  // Our own OpenAPI document has 70,000.

// Of one version. Freshness is left to who knows it.
using VersionDiscovery = apidiscovery_v2::APIVersionDiscovery;

// What of a server's aggregated discovery (/apis) is about that version; NotFound: nothing is.
Result<VersionDiscovery> ReadAggregatedDiscovery(std::string_view text, std::string_view group,
                                                 std::string_view version);
// The same from /apis/<group>/<version> of a server that knows no aggregated one.
Result<VersionDiscovery> ReadResourceList(std::string_view text, std::string_view group,
                                          std::string_view version);

// The hash in /openapi/v3 of the document of that key, "apis/<group>/<version>"; "": there is none.
std::string OpenApiHashIn(std::string_view index, const std::string& key);

// A document of OpenAPI v2, of what one of them has.
struct PackedDocument {
  std::string packed;  // gzip
  std::string hash;    // Of the text.
  size_t bytes = 0;    // Of the text.
  size_t values = 0;   // In it.
};
using PackedDocumentPtr = std::shared_ptr<const PackedDocument>;

// What of /openapi/v2 is about that version; null: nothing is, or more than kRemoteValuesMax
// values, or what would be more than twice as long once it is written with Go's escapes. Of a whole
// of more values than that, definitions that no path leads to are left out.
PackedDocumentPtr ReadOpenApiV2(std::string_view text, std::string_view group,
                                std::string_view version);

}  // namespace skiff
