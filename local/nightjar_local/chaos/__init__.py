"""`make chaos`: footage lands while processes die and calls fail; in the end every object and alert is accounted for.

plan           which fault comes when, all of it from a seed
traffic        the footage that lands meanwhile
victims        processes of a deployment, killed or frozen
s3_proxy       what goes wrong between the stages and S3
mail           what goes wrong at the mail API
accounting     what has to hold in the end
rounds         a round and its account, as a table
harness        runs a round
"""
