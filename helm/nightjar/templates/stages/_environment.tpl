{{/*
All NIGHTJAR_… variables as a YAML mapping of texts, for the one ConfigMap that Airflow's containers get: `settings` as
they are, and those that a value of another section sets.
*/}}
{{- define "nightjar.environment" -}}
{{- $stages := .Values.stages -}}
{{- $environment := dict
  "NIGHTJAR_BUCKET" (required "s3.bucket is needed: the name of the versioned bucket of everything" .Values.s3.bucket)
  "NIGHTJAR_S3_SECRET" .Values.s3.secret
  "NIGHTJAR_SENDGRID_SECRET" $stages.secrets.sendgrid
  "NIGHTJAR_CHANNELS_SECRET" $stages.secrets.channels
  "NIGHTJAR_NAMESPACE" (include "nightjar.stagesNamespace" .)
  "NIGHTJAR_IMAGE_PULL_POLICY" .Values.images.pullPolicy
  "NIGHTJAR_POD_LABELS" (toJson (merge (dict) $stages.podLabels .Values.commonLabels))
  "NIGHTJAR_POD_ANNOTATIONS" (toJson $stages.podAnnotations)
  "NIGHTJAR_STAGES" (include "nightjar.stages" .)
-}}
{{- range $name, $value := dict
  "NIGHTJAR_S3_ENDPOINT" .Values.s3.endpoint
  "NIGHTJAR_LIVE_PRIORITY_CLASS" $stages.priorityClasses.live.name
  "NIGHTJAR_HISTORY_PRIORITY_CLASS" $stages.priorityClasses.history.name
-}}
{{- with $value -}}
{{- $_ := set $environment $name . -}}
{{- end -}}
{{- end -}}
{{- /* Of several, each service account has all of them; those of the pod itself would take their place. */ -}}
{{- if eq (len .Values.images.pullSecrets) 1 -}}
{{- $_ := set $environment "NIGHTJAR_IMAGE_PULL_SECRET" (first .Values.images.pullSecrets) -}}
{{- end -}}
{{- with include "nightjar.podTemplate" . -}}
{{- $_ := set $environment "NIGHTJAR_POD_TEMPLATE" . -}}
{{- end -}}
{{- range $name, $value := .Values.settings -}}
{{- $_ := set $environment $name (include "nightjar.text" $value) -}}
{{- end -}}
{{- range $name, $value := $environment }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* NIGHTJAR_POD_TEMPLATE, as JSON: what the values add to every pod of stages; empty where they add nothing. */}}
{{- define "nightjar.podTemplate" -}}
{{- $stages := .Values.stages -}}
{{- $env := dict -}}
{{- with .Values.s3.region -}}
{{- $env = dict "AWS_REGION" . "AWS_DEFAULT_REGION" . -}}
{{- end -}}
{{- $env = merge (dict) $stages.extraEnv $env -}}
{{- $container := dict -}}
{{- if $env -}}
{{- $list := list -}}
{{- range $name, $value := $env -}}
{{- $list = append $list (dict "name" $name "value" $value) -}}
{{- end -}}
{{- $_ := set $container "env" $list -}}
{{- end -}}
{{- range $key, $value := dict "envFrom" $stages.extraEnvFrom "volumeMounts" $stages.extraVolumeMounts -}}
{{- with $value -}}
{{- $_ := set $container $key . -}}
{{- end -}}
{{- end -}}
{{- $spec := deepCopy $stages.podSpec -}}
{{- with $container -}}
{{- $_ := set $spec "containers" (list .) -}}
{{- end -}}
{{- with $stages.extraVolumes -}}
{{- $_ := set $spec "volumes" . -}}
{{- end -}}
{{- with $spec -}}
{{ toJson (dict "spec" .) }}
{{- end -}}
{{- end -}}

{{/* A value as the text of a variable. Helm reads numbers as floating point, and would write 1000000 as 1e+06. */}}
{{- define "nightjar.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}
{{ int64 . }}
{{- else -}}
{{ . }}
{{- end -}}
{{- end -}}

{{/* The names of the stages, as a JSON list. */}}
{{- define "nightjar.stageNames" -}}
["collect", "validate", "detect", "assess", "notify", "record", "report", "compare", "survey", "tell"]
{{- end -}}

{{/* The name of a stage's service account: (dict "root" $ "stage" "detect"). */}}
{{- define "nightjar.stageServiceAccount" -}}
{{- $stage := get .root.Values.stages .stage -}}
{{ default (printf "nightjar-%s" .stage) $stage.serviceAccount.name }}
{{- end -}}

{{/* NIGHTJAR_STAGES: for each stage what the values say of its pods, in the words of operators/settings.py. */}}
{{- define "nightjar.stages" -}}
{{- $all := dict -}}
{{- range $name := include "nightjar.stageNames" $ | fromJsonArray -}}
{{- $stage := get $.Values.stages $name -}}
{{- $pods := dict "service_account" (include "nightjar.stageServiceAccount" (dict "root" $ "stage" $name)) -}}
{{- range $key, $field := dict "cpu" "cpu" "memory" "memory" "scratch" "scratch" "nodeSelector" "node_selector" "tolerations" "tolerations" "priorityClass" "priority_class" -}}
{{- with get $stage $key -}}
{{- $_ := set $pods $field . -}}
{{- end -}}
{{- end -}}
{{- with $stage.gpu -}}
{{- $_ := set $pods "gpu" (int .) -}}
{{- end -}}
{{- if ne $stage.runtime "pod" -}}
{{- $_ := set $pods "runtime" $stage.runtime -}}
{{- end -}}
{{- if $stage.pool -}}
{{- $_ := set $pods "pool" $stage.pool -}}
{{- else if $stage.parallel -}}
{{- $_ := set $pods "pool" (printf "nightjar_%s" $name) -}}
{{- end -}}
{{- $_ := set $all $name $pods -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}

{{/* The pools of Airflow to be made, with their slots, as a YAML mapping. A stage with a pool of another name brings its own. */}}
{{- define "nightjar.pools" -}}
{{- $pools := dict -}}
{{- range $name := include "nightjar.stageNames" $ | fromJsonArray -}}
{{- $stage := get $.Values.stages $name -}}
{{- if and $stage.parallel (not $stage.pool) -}}
{{- $_ := set $pools (printf "nightjar_%s" $name) (int $stage.parallel) -}}
{{- end -}}
{{- end -}}
{{- toYaml $pools -}}
{{- end -}}
