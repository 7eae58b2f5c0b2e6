// Fills what the source leaves open in a batch's records: event id and type, and on retry topics the origin that a copy's
// headers name. Bad input never stops a batch: such a record is marked invalid with a text and ends in the dead letters.
// One decoder per lane; one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/host_config.h"
#include "core/record.h"
#include "core/types.h"

namespace hostler::runtime {

class Decoder {
 public:
  // `event_types`: what the handler takes; empty means all. Records of other types on source topics are filtered, those without a
  // type are not.
  Decoder(const core::HandlerConfig& handler, std::vector<std::string> event_types);
  ~Decoder();

  // `now` becomes first_seen of records that are seen for the first time.
  void decode(core::Batch& batch, core::Timestamp now);

 private:
  struct Json;
  void decode_copy(core::Batch& batch, std::size_t index, core::Timestamp now);
  void decode_event(core::Batch& batch, std::size_t index);
  void use_origin_id(core::Batch& batch, core::Record& record) const;
  void accept_id(core::Batch& batch, core::Record& record, std::string_view id);

  const core::HandlerConfig& handler_;
  const std::vector<std::string> event_types_;
  const bool wants_id_, wants_type_, wants_json_, wants_headers_;
  std::unique_ptr<Json> json_;
};

}  // namespace hostler::runtime
