-- An explanation asks for what happened to one meter.
CREATE INDEX events_meter ON events ((data ->> 'meter_id'), program, sequence)
    WHERE data ->> 'meter_id' IS NOT NULL;
