// Lists as answers, item by item, in every form that clients take them in.
//
//   const auto form = TRY(ListFormOf(kind, meta, request, media));
//   if (form->LooksFirst()) for (...) TRY(form->Look(item));
//   form->Begin(out);
//   for (... items but the first form->kept() ...) TRY(form->Add(item, out));
//   form->End(out);
//
// Between two calls a form holds a megabyte at most, however long the list is.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/type.h"
#include "apiserver/request/media.h"
#include "apiserver/request/object_response.h"
#include "apiserver/request/request_context.h"
#include "base/error.h"

namespace skiff {

// Items are JSON texts of whole objects, in the version that the list is of.
class ListForm {
 public:
  virtual ~ListForm() = default;
  virtual std::string_view content_type() const = 0;
  // Whether every item has to be looked at, in order, before the first is written: to say how long
  // they are, or that one of them cannot be written.
  virtual bool LooksFirst() const { return false; }
  virtual Result<> Look(std::string_view) { return {}; }
  // So many of the first items were written when they were looked at; Begin writes them too.
  virtual size_t kept() const { return 0; }
  // These append to `out`.
  virtual void Begin(std::string& out) = 0;
  virtual Result<> Add(std::string_view item, std::string& out) = 0;
  virtual void End(std::string& out) = 0;
};

// `kind` outlives the form.
Result<std::unique_ptr<ListForm>> ListFormOf(const KindInfo& kind, const ListMeta& meta,
                                             const ApiRequest& request, const MediaType& media);

// All of a list that is not long.
Result<http::Response> ListResponse(const KindInfo& kind, const std::vector<std::string>& items,
                                    const ListMeta& meta, const ApiRequest& request,
                                    const MediaType& media);

}  // namespace skiff
