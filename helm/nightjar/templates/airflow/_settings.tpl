{{/*
Airflow's settings as a YAML mapping AIRFLOW__<SECTION>__<KEY>: text, made from the values; `airflow.config` goes last
and so replaces any of them. No secret is among them: those come from Secrets (see nightjar.airflow.secretEnvironment).
A test checks each name against Airflow's own description of its settings.
*/}}
{{- define "nightjar.airflow.settings" -}}
{{- $airflow := .Values.airflow -}}
{{- $api := printf "http://%s:8080" (ternary "127.0.0.1" (printf "%s-api-server" (include "nightjar.fullname" .)) $airflow.onePod) -}}
{{- $settings := dict
  "AIRFLOW__CORE__EXECUTOR" "operators.executor.LocalExecutor"
  "AIRFLOW__CORE__MP_START_METHOD" "fork"
  "AIRFLOW__CORE__LOAD_EXAMPLES" "False"
  "AIRFLOW__CORE__PARALLELISM" ($airflow.parallelism | toString)
  "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG" ($airflow.maxActiveTasksPerDag | toString)
  "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION" (ternary "True" "False" $airflow.startPaused)
  "AIRFLOW__CORE__HOSTNAME_CALLABLE" "airflow.utils.net.get_host_ip_address"
  "AIRFLOW__CORE__EXECUTION_API_SERVER_URL" (printf "%s/execution/" $api)
  "AIRFLOW__API__PORT" "8080"
  "AIRFLOW__API__WORKERS" ($airflow.apiServer.workers | toString)
  "AIRFLOW__API__BASE_URL" (include "nightjar.airflow.baseUrl" .)
  "AIRFLOW__API__DEFAULT_WRAP" "True"
  "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK" "True"
  "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME" "0.2"
  "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT" ($airflow.heartbeatTimeoutSeconds | toString)
  "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL" "60"
  "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL" "120"
  "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL" "1"
  "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS" "10"
  "AIRFLOW__WORKERS__EXECUTION_API_RETRIES" "8"
  "AIRFLOW__WORKERS__API_RETRIES" ($airflow.kubernetesApiTries | toString)
  "AIRFLOW__LOGGING__LOGGING_LEVEL" $airflow.logs.level
  "AIRFLOW__LOGGING__JSON_LOGS" (ternary "True" "False" $airflow.logs.json)
  "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG" "False"
  "AIRFLOW__LOGGING__DAG_PROCESSOR_LOG_TARGET" "stdout"
  "AIRFLOW__LOGGING__NAMESPACE_LEVELS" "airflow.providers.amazon.aws.triggers.s3=WARNING airflow.providers.openlineage=WARNING"
  "OPENLINEAGE_CLIENT_LOGGING" "WARNING"
-}}
{{- if $airflow.logs.remote -}}
{{- $bucket := (include "nightjar.environment" . | fromYaml).NIGHTJAR_BUCKET -}}
{{- $_ := set $settings "AIRFLOW__LOGGING__REMOTE_LOGGING" "True" -}}
{{- $_ := set $settings "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER" (printf "s3://%s/%s" $bucket $airflow.logs.prefix) -}}
{{- /* With the log of a task that defers, Airflow deletes its folder; in one pod, that of its trigger is in it. */ -}}
{{- $_ := set $settings "AIRFLOW__LOGGING__DELETE_LOCAL_LOGS" (ternary "False" "True" $airflow.onePod) -}}
{{- end -}}
{{- $settings = merge (include "nightjar.airflow.authSettings" . | fromYaml) $settings -}}
{{- $settings = merge (include "nightjar.monitoring.settings" . | fromYaml) $settings -}}
{{- range $section, $options := $airflow.config -}}
{{- range $key, $value := $options -}}
{{- $text := ternary ($value | toString) ($value | toString | title) (not (kindIs "bool" $value)) -}}
{{- if or (kindIs "map" $value) (kindIs "slice" $value) -}}{{- $text = toJson $value -}}{{- end -}}
{{- /* YAML reads numbers as floating point: 1000000 would become 1e+06. */ -}}
{{- if kindIs "float64" $value -}}{{- if eq (floor $value) $value -}}{{- $text = int64 $value | toString -}}{{- end -}}{{- end -}}
{{- $_ := set $settings (printf "AIRFLOW__%s__%s" (upper $section) (upper $key)) $text -}}
{{- end -}}
{{- end -}}
{{- toYaml $settings -}}
{{- end -}}

{{/* The address under which people reach the UI: links in messages and redirects after a login lead there. */}}
{{- define "nightjar.airflow.baseUrl" -}}
{{- $airflow := .Values.airflow -}}
{{- if $airflow.baseUrl -}}
{{- $airflow.baseUrl -}}
{{- else if $airflow.ingress.enabled -}}
{{- printf "%s://%s" (ternary "https" "http" (not (empty $airflow.ingress.tlsSecret))) $airflow.ingress.host -}}
{{- else -}}
http://127.0.0.1:8080
{{- end -}}
{{- end -}}

{{/* Whether something stands between people and the API server that says by headers who they are and how they came. */}}
{{- define "nightjar.airflow.behindProxy" -}}
{{- if or .Values.airflow.ingress.enabled .Values.airflow.baseUrl -}}yes{{- end -}}
{{- end -}}

{{/* How people sign in: FAB (users, roles and company logins, in the database), or for a trial the simple manager. */}}
{{- define "nightjar.airflow.authSettings" -}}
{{- $airflow := .Values.airflow -}}
{{- if $airflow.auth.trial -}}
AIRFLOW__CORE__AUTH_MANAGER: airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager
AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS: "True"
{{- else -}}
AIRFLOW__CORE__AUTH_MANAGER: airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager
AIRFLOW__FAB__CONFIG_FILE: /etc/nightjar/login/webserver_config.py
AIRFLOW__FAB__COOKIE_SECURE: {{ ternary "True" "False" (hasPrefix "https://" (include "nightjar.airflow.baseUrl" .)) | quote }}
AIRFLOW__FAB__ENABLE_PROXY_FIX: {{ ternary "True" "False" (eq "yes" (include "nightjar.airflow.behindProxy" .)) | quote }}
AIRFLOW__FAB__SESSION_LIFETIME_MINUTES: {{ $airflow.auth.sessionMinutes | quote }}
{{- with $airflow.auth.oidc }}
{{- if .issuer }}
OIDC_NAME: {{ .name | quote }}
OIDC_ISSUER: {{ .issuer | quote }}
OIDC_CLIENT_ID: {{ .clientId | quote }}
OIDC_SCOPE: {{ .scope | quote }}
OIDC_ROLES_CLAIM: {{ .rolesClaim | quote }}
OIDC_ROLES: {{ .roles | toJson | quote }}
OIDC_DEFAULT_ROLE: {{ .defaultRole | quote }}
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}
