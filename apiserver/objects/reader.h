// get, and what lists are made of: stored bytes, selected by the records' headers.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/request/list_options.h"
#include "apiserver/request/object_response.h"
#include "apiserver/request/request_context.h"
#include "apiserver/storage/record_header.h"
#include "apiserver/storage/store.h"

namespace skiff {

class ComponentStatuses;

// Whether a record is one that the options select. `kind` is what the client asked for. What cannot
// be read is selected, so that whoever reads it is told why it cannot.
bool Selects(const ListQuery& options, const KindInfo& kind, std::string_view key,
             const ObjectView& view);

// The selectable fields of a custom resource, as its schema has them now: those that were put down
// when it was stored may be of another version, or older than the definition. nullopt for other
// kinds. Fails where it cannot be read.
using FieldTexts = std::map<std::string, std::string>;
Result<std::optional<FieldTexts>> CurrentFields(const KindInfo& kind, const ObjectView& view);

// The prefix of what can be selected at most, within that of the namespace: of one name, its key.
std::string SelectedPrefix(const KindInfo& kind, std::string_view namespace_name,
                           const FieldSelector& fields);

// What every selected object has: the stored fields' and labels' values that are asked for.
ListRequest::Terms TermsOf(const ListQuery& options, const KindInfo& kind);
// The one of them that tells most; nullopt when there is none that all have. Of what a webhook
// converts nothing is known before it has: labels, too, are its to change.
std::optional<IndexTerm> TermOf(const ListQuery& options, const KindInfo& kind);

// The records of one page, which are still to be read, and what to say about them. `kind` outlives
// it.
struct OpenPage {
  std::unique_ptr<ListCursor> records;
  ListMeta meta;
};
Result<OpenPage> OpenPageOf(Store& store, const KindInfo& kind, std::string_view namespace_name,
                            const ListQuery& options);

Result<http::Response> GetObject(Store& store, const ComponentStatuses& components,
                                 const ApiRequest& request);

// Store::Reach, in the API's words.
Result<> ReachRevision(Store& store, uint64_t version);

}  // namespace skiff
